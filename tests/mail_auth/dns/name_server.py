"""A name server on a spare port of the loopback, UDP and TCP: what it answers follows from the first label of the name."""

import socket
import struct
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from tests.peers.processes import free_port

LONG = " ".join(f'"{letter * 250}"' for letter in "abcdefgh")


class Server:
    """Answers from a table and counts."""

    def __init__(self, *, always: bytes = b"") -> None:
        """`always`: the first label as which every name is treated."""
        self.always = always
        self.tcp = socket.create_server(("127.0.0.1", free_port()))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(self.tcp.getsockname())
        self.address = f"127.0.0.1:{self.tcp.getsockname()[1]}"
        self.questions: list[str] = []
        self.peers: list[tuple[int, int]] = []  # port and id of each question
        threading.Thread(target=self.serve_udp, daemon=True).start()
        threading.Thread(target=self.serve_tcp, daemon=True).start()

    def close(self) -> None:
        """Take both sockets away."""
        for one in (self.udp, self.tcp):
            one.close()

    def serve_udp(self) -> None:
        """Answer until the socket closes."""
        while True:
            try:
                data, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            query = dns.message.from_wire(data)
            self.questions.append(f"{query.question[0].name} {query.question[0].rdtype.name}")
            self.peers.append((peer[1], query.id))
            for answer in self.answers(query):
                self.udp.sendto(answer.to_wire(), peer)

    def serve_tcp(self) -> None:
        """Answers a single question on each connection."""
        while True:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            with connection:
                size = struct.unpack("!H", connection.recv(2))[0]
                query = dns.message.from_wire(connection.recv(size))
                self.questions.append(f"{query.question[0].name} TCP")
                answer = self.answer(query)
                answer.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "TXT", *texts(self.label(query))))
                answer.flags &= ~dns.flags.TC
                self.send(connection, self.label(query), answer)

    def send(self, connection: socket.socket, label: bytes, answer: dns.message.Message) -> None:
        """An answer by TCP, and its faults."""
        answer.id ^= label == b"strange"
        wire = answer.to_wire(max_size=65_535)
        connection.sendall((struct.pack("!H", len(wire)) + wire)[: {b"ended": 20, b"hanging": 20, b"headless": 0}.get(label)])
        if label == b"headless":
            connection.sendall(struct.pack("!H", 5) + wire[:5])
        if label == b"hanging":
            connection.recv(1)  # until the other side has had enough

    def label(self, query: dns.message.Message) -> bytes:
        """Label that decides the answer."""
        return self.always or query.question[0].name.labels[0]

    def answers(self, query: dns.message.Message) -> list[dns.message.Message]:
        """Responses to a query, in this order."""
        label = self.label(query)
        if label == b"silent":
            return []
        answer = self.answer(query)
        if label != b"spoofed":
            return [answer]
        forged = dns.message.make_response(query)
        forged.id ^= 1
        forged.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "203.0.113.66"))
        return [forged, answer]

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """The answer by the first label of the name."""
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        name = query.question[0].name
        soa = dns.rrset.from_text("example.", 900, "IN", "SOA", "ns.example. post.example. 1 2 3 4 60")
        match self.label(query):
            case b"servfail":
                answer.set_rcode(dns.rcode.SERVFAIL)
            case b"refused":
                answer.set_rcode(dns.rcode.REFUSED)
            case b"nx":
                answer.set_rcode(dns.rcode.NXDOMAIN)
                answer.authority.append(soa)
            case b"nodata":
                answer.authority.append(soa)
            case b"forever" | b"spoofed":
                answer.answer.append(dns.rrset.from_text(name, 10_000_000, "IN", "A", "192.0.2.9"))
            case b"alias":
                answer.answer.append(dns.rrset.from_text(name, 40, "IN", "CNAME", "forever.example."))
                answer.answer.append(dns.rrset.from_text("forever.example.", 10_000_000, "IN", "A", "192.0.2.9"))
            case b"text":
                answer.answer.append(dns.rrset.from_text(name, 0, "IN", "TXT", '"v=spf1 " "-all"', '"\\255"'))
            case b"long" | b"strange" | b"ended" | b"hanging" | b"headless":
                answer.flags |= dns.flags.TC
            case number if number.isdigit():
                answer.flags |= dns.flags.TC
        return answer


def texts(label: bytes) -> list[str]:
    """The TXT records that come by TCP: as many as a number says, else a long one."""
    return [f'"{number}"' for number in range(int(label))] if label.isdigit() else [LONG]
