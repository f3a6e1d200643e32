import { test } from 'node:test'
import { killPublishing } from '../fault/killed-publish.ts'

test('T44 T47 kill -9 at every step that publishing takes on the file system', async (t) => {
  await killPublishing(t, 1)
})
