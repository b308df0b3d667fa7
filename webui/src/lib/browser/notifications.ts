// Notifications of the system, and a short tone of our own: what the system plays with them differs, or is nothing.

export type Allowed = 'granted' | 'denied' | 'default' | 'unknown' // unknown: this browser has none, or the connection is not secure

export const allowance = (): Allowed => ('Notification' in window && isSecureContext ? Notification.permission : 'unknown')

/** Ask the person; what they allow by then. */
export async function askAllowance(): Promise<Allowed> {
  return allowance() === 'default' ? await Notification.requestPermission() : allowance()
}

/** Is it shown? By the service worker where there is one: phones know no other way. */
export async function showNotification(body: string): Promise<boolean> {
  if (allowance() !== 'granted') return false
  const options: NotificationOptions = { body, tag: 'mailroom', icon: '/icon-192.png', silent: true }
  const worker = await navigator.serviceWorker?.getRegistration()
  if (worker?.active) await worker.showNotification('Mailroom', options)
  else new Notification('Mailroom', options).onclick = () => window.focus()
  return true
}

const TONES = [660, 880] // hertz, one after the other
const LENGTH = 0.16 // seconds of each
const LOUDNESS = 0.12 // of 1

export function playTone(): void {
  const audio = new AudioContext()
  const volume = new GainNode(audio, { gain: LOUDNESS })
  volume.connect(audio.destination)
  TONES.forEach((frequency, index) => {
    const tone = new OscillatorNode(audio, { frequency })
    tone.connect(volume)
    tone.start(audio.currentTime + index * LENGTH)
    tone.stop(audio.currentTime + (index + 1) * LENGTH)
    if (index === TONES.length - 1) tone.onended = () => void audio.close()
  })
}
