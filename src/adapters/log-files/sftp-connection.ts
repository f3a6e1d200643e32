import { connect as connectSocket, type Socket } from 'node:net'
import ssh2 from 'ssh2'
import { AppError } from '../../flows/app-error.ts'
import type { Timers } from '../../flows/ports.ts'
import { fingerprintOf, keyTypeOf, readSshKey } from './ssh-key.ts'

/** Where the files go, and who is known there. */
export interface SftpPlace {
  readonly host: string
  readonly port: number
  readonly user: string
  /** Absolute, and there already: a folder that is missing is a disk that is not mounted. */
  readonly directory: string
  /** Pinned: `SHA256:` and the fingerprint of the server's key. No other key is ever believed. */
  readonly hostKey: string
  /** OpenSSH or PEM. */
  readonly privateKey: () => Promise<Uint8Array>
  /** For connecting, and for each answer. */
  readonly timeoutMs?: number
}

/** One step of the protocol; rejects with `SftpStatus`, or `ConnectionLost` when no answer came. */
export interface SftpSession {
  call<T>(
    start: (sftp: ssh2.SFTPWrapper, done: (error: Error | null | undefined, value: T) => void) => void,
  ): Promise<T>
  /** Folders that are known to exist on the other side. */
  readonly knownFolders: Set<string>
}

/** A connection that is made when it is needed and made again when it was lost. */
export interface SftpConnection {
  /** Runs `work`, a second time when a connection that was standing idle turns out to be dead; it must be idempotent. */
  run<T>(work: (session: SftpSession) => Promise<T>): Promise<T>
  close(): void
}

/** The other side answered, and said no. Codes: draft-ietf-secsh-filexfer-02, section 7. */
export class SftpStatus extends Error {
  override name = 'SftpStatus'
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Nobody answered: what was asked may have happened or not. */
class ConnectionLost extends Error {
  override name = 'ConnectionLost'
}

export const endOfFile = 1
export const noSuchFile = 2
export const permissionDenied = 3

interface Link {
  readonly session: SftpSession
  /** Whether an operation has ended on it: only then it may have died unnoticed. */
  used: boolean
  readonly socket: Socket
  readonly close: () => void
}

const defaultTimeoutMs = 20_000

/** Only what OpenSSH itself still offers by default. */
const algorithms: ssh2.Algorithms = {
  serverHostKey: ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'rsa-sha2-512', 'rsa-sha2-256'],
  kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org', 'ecdh-sha2-nistp256', 'diffie-hellman-group16-sha512'],
  cipher: ['chacha20-poly1305@openssh.com', 'aes256-gcm@openssh.com', 'aes128-gcm@openssh.com', 'aes256-ctr'],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256'],
}

/** How messages and checks name a place. */
export const nameOfPlace = ({ user, host, port, directory }: Omit<SftpPlace, 'privateKey' | 'hostKey'>): string =>
  `sftp://${user}@${host.includes(':') ? `[${host}]` : host}:${port}${directory}`

/** The one error that a caller of a place sees when it could not be used. */
export function unavailable(place: SftpPlace, reason: string, message: string, cause?: unknown): AppError {
  return new AppError('log-files-unavailable', `${nameOfPlace(place)}: ${message}`, {
    ...(cause === undefined ? {} : { cause }),
    data: { place: nameOfPlace(place), reason },
  })
}

/** Trust: everything that comes from the other side is a stranger's until the pinned key has answered. */
export function connectSftp(place: SftpPlace, timers: Timers): SftpConnection {
  const timeoutMs = place.timeoutMs ?? defaultTimeoutMs
  let link: Promise<Link> | null = null
  let running = 0

  async function open(): Promise<Link> {
    const { privateKey } = readSshKey(await place.privateKey())
    const socket = await openSocket(place, timers, timeoutMs)
    const client = new ssh2.Client()
    const knownFolders = new Set<string>()
    const lostHooks = new Set<(error: ConnectionLost) => void>()
    let isLost = false
    const close = (): void => {
      client.destroy()
      socket.destroy()
    }
    client.on('close', () => {
      link = null
      isLost = true
      for (const hook of lostHooks) hook(new ConnectionLost('the connection was lost'))
      lostHooks.clear()
    })
    try {
      const sftp = await handshake(place, client, socket, privateKey, timeoutMs)
      // Errors of a connection that stands end it; the operation that waits hears of it by `close`.
      client.on('error', close)
      sftp.on('error', close)
      const session: SftpSession = {
        knownFolders,
        call: (start) =>
          new Promise((resolve, reject) => {
            if (isLost) return reject(new ConnectionLost('the connection was lost'))
            const settle = (act: () => void): void => {
              cancel()
              lostHooks.delete(lose)
              act()
            }
            const lose = (error: ConnectionLost): void => settle(() => reject(error))
            lostHooks.add(lose)
            const cancel = timers.after(timeoutMs, () => {
              lose(new ConnectionLost(`no answer within ${timeoutMs} ms`))
              close()
            })
            try {
              start(sftp, (error, value) => settle(() => (error == null ? resolve(value) : reject(statusOf(error)))))
            } catch (error) {
              settle(() => reject(new ConnectionLost('the connection is closed', { cause: error })))
            }
          }),
      }
      return { session, used: false, socket, close }
    } catch (error) {
      close()
      throw error
    }
  }

  return {
    async run(work) {
      running += 1
      try {
        for (let attempt = 1; ; attempt++) {
          const mine = (link ??= open())
          const current = await mine.catch((error: unknown) => {
            if (link === mine) link = null
            throw error
          })
          const wasIdle = current.used
          current.socket.ref()
          try {
            const result = await work(current.session)
            current.used = true
            return result
          } catch (error) {
            if (!(error instanceof ConnectionLost)) throw error
            if (wasIdle && attempt === 1) continue
            throw unavailable(place, 'lost', `${error.message}; check that the server there is up`, error)
          }
        }
      } finally {
        running -= 1
        // A connection that nobody uses keeps no process alive.
        if (running === 0) void link?.then(({ socket }) => running === 0 && socket.unref()).catch(() => {})
      }
    },
    close() {
      void link?.then((current) => current.close()).catch(() => {})
      link = null
    },
  }
}

const statusOf = (error: Error): Error =>
  'code' in error && typeof error.code === 'number'
    ? new SftpStatus(error.code, error.message)
    : new ConnectionLost('the connection was lost', { cause: error })

function openSocket(place: SftpPlace, timers: Timers, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const { host, port } = place
    // One short question after the other: waiting to fill a packet would cost 40 ms for each.
    const socket = connectSocket({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 })
    const fail = (why: string, cause?: unknown): void => {
      cancel()
      socket.destroy()
      reject(unavailable(place, 'unreachable', `cannot be reached (${why}); check host, port and network`, cause))
    }
    const cancel = timers.after(timeoutMs, () => fail(`no answer within ${timeoutMs} ms`))
    socket.once('error', (error) => fail('code' in error ? String(error.code) : 'refused', error))
    socket.once('connect', () => {
      cancel()
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })
}

function handshake(
  place: SftpPlace,
  client: ssh2.Client,
  socket: Socket,
  privateKey: string,
  timeoutMs: number,
): Promise<ssh2.SFTPWrapper> {
  return new Promise((resolve, reject) => {
    let shown: string | null = null
    const fail = (error?: Error & { level?: string }): void => {
      if (shown !== null)
        reject(
          unavailable(
            place,
            'host-key',
            `the server shows ${shown}, not the pinned ${place.hostKey}: somebody stands between, or the key was ` +
              'changed. Compare on that machine itself (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub) before pinning another',
            error,
          ),
        )
      else if (error?.level === 'client-authentication')
        reject(
          unavailable(
            place,
            'user-key',
            'the server does not let our key in; put its public line into authorized_keys of that user',
            error,
          ),
        )
      else
        reject(
          unavailable(place, 'ssh', 'no SFTP session came about; check that an SSH server with SFTP answers', error),
        )
    }
    client.on('error', fail)
    client.on('close', () => fail())
    client.on('ready', () => {
      client.sftp((error, sftp) => {
        if (error !== undefined) return fail(error)
        client.removeListener('error', fail)
        resolve(sftp)
      })
    })
    client.connect({
      sock: socket,
      username: place.user,
      privateKey,
      authHandler: ['publickey'],
      algorithms,
      readyTimeout: timeoutMs,
      hostVerifier: (key: Buffer): boolean => {
        const fingerprint = fingerprintOf(key)
        if (fingerprint === place.hostKey) return true
        shown = `${keyTypeOf(key)} ${fingerprint}`
        return false
      },
    })
  })
}
