/** Builds our Go programs against Debian's packages, where Go is installed. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/** Where Debian puts the sources of Go packages. */
const packages = '/usr/share/gocode'

/** Builds a program of this folder into `folder` and returns its path; a text says why it cannot be had. */
export function buildGo(name: string, folder: string): { readonly program: string } | { readonly missing: string } {
  const program = join(folder, name)
  const env = {
    ...process.env,
    GO111MODULE: 'off',
    GOPATH: packages,
    GOFLAGS: '',
    GOCACHE: join(folder, 'cache'),
    CGO_ENABLED: '0',
  }
  const built = spawnSync('go', ['build', '-o', program, '.'], {
    cwd: join(import.meta.dirname, name),
    env,
    encoding: 'utf8',
  })
  if (built.error !== undefined) return { missing: 'no go: apt-get install golang-go golang-golang-x-mod-dev' }
  if (built.status === 0) return { program }
  if (built.stderr.includes('cannot find package'))
    return { missing: 'no golang.org/x/mod: apt-get install golang-golang-x-mod-dev' }
  throw new Error(built.stderr)
}
