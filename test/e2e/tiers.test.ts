import { test } from 'node:test'
import { sharedDeployment } from './threat-scene.ts'
import { layerThreeCells, playTier } from './tier-story.ts'

const deployment = sharedDeployment({ repositories: ['protocol'] })

for (const cell of layerThreeCells)
  test(`a change of tier ${cell.tier} in layer 3 goes from red to green by signed statements and time alone`, async () => {
    const d = await deployment()
    await playTier(d, 'acme/protocol', d.of('layer-3'), cell)
  })
