import { test } from 'node:test'
import { killAgainAndAgain } from '../fault/killed-gate.ts'

/** How often the server is killed. */
const kills = Number(process.env['KILLS'] ?? 300)

test(`T44 T47 kill -9 of the server at ${kills} random moments under load`, async (t) => {
  await killAgainAndAgain(t, { kills, least: kills, enoughMs: kills * 15_000, longestMs: 2_500, progress: true })
})
