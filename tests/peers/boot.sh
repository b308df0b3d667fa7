#!/usr/bin/env bash
# Boots this machine's systemd once more, in namespaces of its own: an overlay of the root, no network but loopback, its own cgroups.
# boot.sh STATE INTERPRETER_DIRECTORY TREE TARGET: STATE is an empty directory; the interpreter's directory (a venv) and the tree's packages
# become /opt/ready, as if pip had installed them there, and the tree is /opt/tree. What lies in STATE/../given goes into the root; its etc/prepare.sh is run last.
# Run it by `unshare --mount --pid --fork --cgroup --uts --ipc --net`, as root.
set -euo pipefail
state=$1 venv=$2 tree=$3 target=$4
root=$state/root
mount --make-rprivate /
mount -t tmpfs tmpfs "$state"
mkdir "$state"/{up,work,venv,venv-up,venv-work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$state/up,workdir=$state/work" "$root"
mount -t overlay overlay -o "lowerdir=$venv,upperdir=$state/venv-up,workdir=$state/venv-work" "$state/venv"
mkdir -p "$root/opt/ready" "$root/opt/tree"
mount --bind "$tree" "$root/opt/tree" # wherever it lies, also below what is hidden there
mount --move "$state/venv" "$root/opt/ready"
packages=$(echo "$root"/opt/ready/lib/python3*/site-packages)
for package in triage mail_auth mta mailboxes directory_sync triage_api triage_cli webhooks demo migrations; do cp -r "$tree/$package" "$packages/"; done
mkdir -p "$packages/webui" && cp "$tree/webui/__init__.py" "$packages/webui/" && cp -r "$tree/webui/dist" "$packages/webui/"

cd "$root"
mount -t proc proc proc
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs tmp
mount --rbind /dev dev
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys # the kernel is the real machine's: its settings stay
mount -t sysfs sysfs sys
mount -t cgroup2 none sys/fs/cgroup
mount -o remount,bind,ro sys
ip link set lo up

# the machine has no other services than those of the target, and forgets what is installed on the real one
rm -rf etc/systemd/system opt/mailroom var/lib/mailroom var/spool/mailroom var/spool/mailroom-submit etc/mailroom
mkdir -p etc/systemd/system
cp -r "$state"/../given/. ./
printf '[Journal]\nStorage=volatile\nForwardToConsole=no\n' > etc/systemd/journald.conf
[ ! -e etc/prepare.sh ] || chroot . bash /etc/prepare.sh

mkdir -p old
pivot_root . old
umount -l old
mount --make-rshared / # as whoever starts a container does: credentials are mounted by a helper of systemd
export container=mailroom-test
exec /usr/lib/systemd/systemd --system --unit="$target" --log-target=console --log-level=warning --show-status=no
