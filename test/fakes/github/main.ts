/** Runs the stand-in as a process of its own: `node test/fakes/github/main.ts --port 0` prints `{"url": …}`. */
import { parseArgs } from 'node:util'
import { movableClock } from './control-http.ts'
import { createFakeGitHub } from './fake-github.ts'

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } })
const github = createFakeGitHub({ clock: movableClock(), withControlRoutes: true })
const url = await github.listen(Number(values.port))
process.stdout.write(`${JSON.stringify({ url })}\n`)
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void github.close())
