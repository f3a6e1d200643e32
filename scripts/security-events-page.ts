import { canonicalize, type JsonObject } from '../src/core/index.ts'
import { catalogue, type EventType, eventTypes } from '../src/flows/audit/catalogue.ts'
import { digestShape, resourceShape, userShape, wordShape } from '../src/flows/audit/event-of.ts'
import type { DetailKind, EventRow } from '../src/flows/audit/event-row.ts'
import type { SecurityEvent } from '../src/flows/audit/security-event.ts'

const rowOf = (type: EventType): EventRow => catalogue[type]

const sampleDigest = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'

const samples: Readonly<Record<DetailKind, JsonObject[string]>> = {
  word: 'some-code',
  digest: sampleDigest,
  'digest?': null,
  number: 7,
  'number?': null,
  flag: true,
}

const sampleResources: Readonly<Record<EventRow['resource'][number], string>> = {
  change: 'change:101/7',
  config: 'config',
  delivery: 'delivery:72d3162e-cc78-11e3-81ab-4c9367dc0958',
  deployment: 'deployment',
  key: 'key:decision-log',
  log: 'log:security',
  person: 'person:11',
  policy: 'policy:1',
  repository: 'repository:101',
}

/** One event of a type, made of nothing but its row. */
function exampleOf(type: EventType): SecurityEvent {
  const { resource, actions, results, details } = rowOf(type)
  const [kind = 'deployment'] = resource
  return {
    eventType: type,
    userId: 'server',
    resource: sampleResources[kind],
    action: actions[0] ?? '',
    result: results[0] ?? 'success',
    details: Object.fromEntries(Object.entries(details).map(([name, detail]) => [name, samples[detail]])),
  }
}

const words = (list: readonly string[]): string => list.map((word) => `\`${word}\``).join(', ')

function section(type: EventType): string {
  const { resource, actions, results, severity, meaning, details } = rowOf(type)
  const told = Object.entries(details).map(([name, kind]) => `\`${name}\` (${kind})`)
  return `### \`${type}\`

${meaning.charAt(0).toUpperCase()}${meaning.slice(1)}.

Resource ${words(resource)}; action ${words(actions)}; result ${words(results)}; severity ${severity}; details ${told.join(', ')}.

\`\`\`json
${canonicalize(exampleOf(type) as unknown as JsonObject)}
\`\`\`
`
}

const head = `# Entries of the security log, version 1

Made by \`npm run generate\` from the catalogue in the code. Schema of an event: \`spec/schema/security-events.json\`.

The security log is a second log beside the decision log, of the same form: RFC 6962 tree, C2SP checkpoints, entries as
\`entry-types.md\` says. Its origin is the decision log's with \`/security\` appended; its key is its own. It is never served
on the public listener. Its checkpoints are entries \`security-checkpoint\` of the decision log: at most every ten minutes
while something happens, and when the server stops.

An entry's \`type\` is the event's type and its \`at\` the event's time; \`actor\` and \`subject\` are empty objects, because who and
what stand in the event; \`data\` is the event: exactly \`{"eventType","userId","resource","action","result","details"}\`.

- \`userId\`: \`server\`; \`operator\` or \`operator:<login of the machine>\`; \`account:<numeric id at the forge>\`;
  \`client:<32 hex digits>\`, which is the salted digest of an address; null where nobody is known.
- \`resource\`: \`change:<repository>/<number>\`, \`config\`, \`delivery:<guid>\`, \`deployment\`, \`key:<name in custody or key id>\`,
  \`log:<decisions|security>\`, \`person:<account>\`, \`policy:<epoch>\`, \`repository:<id>\`.
- \`result\`: \`success\` it happened, \`denied\` it was refused, \`error\` it could not be done.
- \`details\`: exactly the members of the event's row. A *word* is from a closed list of codes, a *digest* lower-case hex, a *number*
  a whole number; \`?\` means that it may be null. Nothing holds free text, so nothing of a stranger's or of a secret has a place.

What a stranger can cause before being anybody is told at most once per code and minute; \`unsaidBefore\` counts the others since.
What raises trust has its event in the same commit: without the one there is not the other. What lowers trust acts at once, and its
event follows when the log can be written.

While the world outside knows another log than the store holds, neither log is signed: an entry that says so would fork the security
log. \`log-signing-refused\` waits in \`refusals.journal\` of the data directory, each refusal once, \`governance audit list\` and
\`governance status\` show it there, and the first server or command that may sign again makes an entry of it. What can come and go
without end (the quorum of witnesses, a place of the log's files) is told at most once a minute for each way; how it stands in the
end always is.
`

/** The registry of event types, with an example each. */
export const securityEventsPage = (): string => `${head}\n## Event types\n\n${eventTypes.map(section).join('\n')}`

const orNull = (schema: object): object => ({ anyOf: [schema, { type: 'null' }] })

const detailSchemas: Readonly<Record<DetailKind, object>> = {
  word: { type: 'string', pattern: wordShape.source },
  digest: { type: 'string', pattern: digestShape.source },
  'digest?': orNull({ type: 'string', pattern: digestShape.source }),
  number: { type: 'integer' },
  'number?': orNull({ type: 'integer' }),
  flag: { type: 'boolean' },
}

function schemaOf(type: EventType): object {
  const { resource, actions, results, meaning, details } = rowOf(type)
  return {
    title: type,
    description: meaning,
    type: 'object',
    properties: {
      eventType: { type: 'string', const: type },
      resource: { type: 'string', pattern: `^(?:${resource.join('|')})(?::.*)?$` },
      action: { type: 'string', enum: actions },
      result: { type: 'string', enum: results },
      details: {
        type: 'object',
        properties: Object.fromEntries(Object.entries(details).map(([name, kind]) => [name, detailSchemas[kind]])),
        required: Object.keys(details),
        additionalProperties: false,
      },
    },
  }
}

/** JSON Schema of the `data` of an entry of the security log. */
export const securityEventsSchema = (): object => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:governance-app:schema:security-event:v1',
  title: 'Security event, version 1',
  type: 'object',
  properties: {
    eventType: { type: 'string' },
    userId: orNull({ type: 'string', pattern: userShape.source }),
    resource: { type: 'string', pattern: resourceShape.source },
    action: { type: 'string' },
    result: { type: 'string' },
    details: { type: 'object' },
  },
  required: ['eventType', 'userId', 'resource', 'action', 'result', 'details'],
  additionalProperties: false,
  oneOf: eventTypes.map(schemaOf),
})
