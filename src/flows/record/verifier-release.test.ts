import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRecordedTelemetry } from '../../../test/fakes/recorded-telemetry.ts'
import { openMemoryStore } from '../../adapters/store/memory.ts'
import { asSha256 } from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import { recordVerifier } from './verifier-release.ts'

const release = { version: '1.2.3', files: { 'verify.mjs': asSha256('ab'.repeat(32)) } }

test('a log that refuses keeps no server from starting: the verifier is told at a later start', async () => {
  const { log } = openMemoryStore()
  const telemetry = createRecordedTelemetry()
  const refusing = {
    record: () => Promise.reject(new AppError('store-unavailable', 'the disk is full')),
  }
  await recordVerifier({ recorder: refusing, log, telemetry }, release)
  assert.deepEqual(
    telemetry.events.map(({ name }) => name),
    ['verifier-not-recorded'],
  )
  const broken = { record: () => Promise.reject(new Error('a mistake of ours')) }
  await assert.rejects(recordVerifier({ recorder: broken, log, telemetry }, release), /mistake/)
})
