import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'

const ROOT = join(import.meta.dirname, '..', '..')

test('every schema that we ship is JSON Schema 2020-12 by the strict reading of a validator that is not ours', () => {
  const paths = globSync('spec/schema/*.json', { cwd: ROOT })
  assert.ok(paths.length > 0)
  for (const path of paths) {
    const schema = JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as { $schema: string; $id: string }
    assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema', path)
    assert.match(schema.$id, /^urn:governance-app:schema:/, path)
    const validate = new Ajv2020({ strict: true }).compile(schema)
    assert.equal(validate(null), false, `${path} accepts null`)
  }
})
