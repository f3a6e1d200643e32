/** A real OpenSSH server on loopback with keys of its own: what an operator's second machine is. */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { SftpPlace } from '../../src/adapters/log-files/sftp-connection.ts'

const program = '/usr/sbin/sshd'

/** Why there is no server to test against; null where there is one. */
export const lacksSshd = existsSync(program) ? null : 'no sshd here (Debian package openssh-server)'

export interface Sshd {
  /** Where its files go. */
  readonly directory: string
  readonly place: SftpPlace
  /** The file of the keys that it lets in. */
  readonly authorizedKeys: string
  /** A user's key that the server does not know. */
  readonly strangersKey: Uint8Array
  /** Ends the server and every session, as a loss of power does. */
  kill(): Promise<void>
  /** Starts it again on the same port with the same keys. */
  start(options?: { readonly sftp?: string; readonly limitBlocks?: number }): Promise<void>
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('data', () => {
      resolve(true)
      socket.destroy()
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })

function treeOf(pid: number): number[] {
  let children: string
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  } catch {
    return []
  }
  return [
    pid,
    ...children
      .split(' ')
      .filter((text) => text !== '')
      .flatMap((text) => treeOf(Number(text))),
  ]
}

function killOne(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}

function makeKey(file: string, comment: string): void {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file])
}

/** Starts it; the test ends it. */
export async function startSshd(t: Pick<TestContext, 'after'>): Promise<Sshd> {
  const folder = mkdtempSync(join(tmpdir(), 'governance-sshd-'))
  const directory = join(folder, 'copy')
  mkdirSync(directory)
  // The place where the server puts itself aside before it knows who comes; it refuses to start without.
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  for (const name of ['host', 'user', 'stranger']) makeKey(join(folder, name), name)
  writeFileSync(join(folder, 'authorized_keys'), readFileSync(join(folder, 'user.pub')), { mode: 0o600 })
  const port = await freePort()
  const [, hostKey = ''] = execFileSync('ssh-keygen', ['-lf', join(folder, 'host.pub')], { encoding: 'utf8' }).split(
    ' ',
  )
  let child: ReturnType<typeof spawn> | null = null
  let ended: Promise<void> = Promise.resolve()

  const kill = async (): Promise<void> => {
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      // Each session leads a session of its own: only the tree of processes holds them together.
      const all = treeOf(child.pid)
      for (const pid of all) killOne(pid)
    }
    await ended
    child = null
  }
  const start: Sshd['start'] = async ({ sftp = 'internal-sftp', limitBlocks } = {}) => {
    const config = join(folder, 'sshd_config')
    writeFileSync(
      config,
      [
        `ListenAddress 127.0.0.1:${port}`,
        `HostKey ${join(folder, 'host')}`,
        `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
        `PidFile none`,
        'AuthenticationMethods publickey',
        'PermitRootLogin prohibit-password',
        'StrictModes no',
        'UsePAM no',
        'UseDNS no',
        `Subsystem sftp ${sftp}`,
        '',
      ].join('\n'),
    )
    const limit = limitBlocks === undefined ? '' : `ulimit -f ${limitBlocks}; trap '' XFSZ; `
    const started = spawn('/bin/sh', ['-c', `${limit}exec ${program} -D -e -f "$0"`, config], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    child = started
    let said = ''
    started.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    ended = new Promise((resolve) => started.once('exit', () => resolve()))
    while (!(await answers(port))) {
      if (started.exitCode !== null) throw new Error(`sshd ended: ${said}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  t.after(async () => {
    await kill()
    rmSync(folder, { recursive: true, force: true })
  })
  await start()
  return {
    directory,
    place: {
      host: '127.0.0.1',
      port,
      user: userInfo().username,
      directory,
      hostKey,
      privateKey: async () => readFileSync(join(folder, 'user')),
      timeoutMs: 5_000,
    },
    authorizedKeys: join(folder, 'authorized_keys'),
    strangersKey: readFileSync(join(folder, 'stranger')),
    kill,
    start,
  }
}
