import { FieldFault, readInteger, readList, readNullable, readObject, readText } from '../bytes/field-reader.ts'
import type { Json } from '../bytes/json.ts'
import type { AccountId } from '../ids.ts'
import type { ConditionId, Requirement } from '../policy/policy-v1.ts'

const maxListed = 10_000

/** Reads a value as a requirement, or null. Trust: the value is a stranger's. */
export function readRequirement(value: Json | undefined): Requirement | null {
  try {
    const json = readObject(value, 'requirement', [
      'quorums',
      'reviewDays',
      'publicCommentDays',
      'conditions',
      'checks',
    ])
    return {
      quorums: readList(json.quorums, 'quorums', maxListed, (element, field) => {
        const quorum = readObject(element, field, ['set', 'required', 'total', 'persons'])
        return {
          set: readText(quorum.set, `${field}.set`, 300),
          required: readInteger(quorum.required, `${field}.required`, 0),
          total: readInteger(quorum.total, `${field}.total`, 0),
          persons: readList(
            quorum.persons,
            `${field}.persons`,
            maxListed,
            (person, at) => readInteger(person, at, 1) as AccountId,
          ),
        }
      }),
      reviewDays: readInteger(json.reviewDays, 'reviewDays', 0),
      publicCommentDays: readInteger(json.publicCommentDays, 'publicCommentDays', 0),
      conditions: readList(
        json.conditions,
        'conditions',
        maxListed,
        (condition, field) => readText(condition, field, 128) as ConditionId,
      ),
      checks: readList(json.checks, 'checks', maxListed, (element, field) => {
        const check = readObject(element, field, ['name', 'appId', 'workflow'])
        return {
          name: readText(check.name, `${field}.name`, 1000),
          appId: readInteger(check.appId, `${field}.appId`, 0),
          workflow: readNullable(check.workflow, (path) => readText(path, `${field}.workflow`, 4096)),
        }
      }),
    }
  } catch (error) {
    if (error instanceof FieldFault) return null
    throw error
  }
}
