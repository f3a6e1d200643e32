import { test } from 'node:test'
import { killAgainAndAgain } from './killed-gate.ts'

test('T44 kill -9 of the server under load: nothing acknowledged is lost, nothing is applied twice', async (t) => {
  await killAgainAndAgain(t, { kills: 10, least: 4, enoughMs: 9_000, longestMs: 800, progress: false })
})
