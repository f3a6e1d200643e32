/** Writes spec/vectors/log/{cosignature,witness-policy,log-proof}.json. Run it by hand when a format gains a case. */
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'

/** Everything is made with the platform alone and not with core: the vectors have to be able to disagree with it. */
const sha256 = (...parts: readonly (string | Uint8Array)[]): Buffer => {
  const digest = createHash('sha256')
  for (const part of parts) digest.update(part)
  return digest.digest()
}
const prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const privateKey = (seed: string) =>
  createPrivateKey({ key: Buffer.concat([prefix, sha256(seed)]), format: 'der', type: 'pkcs8' })
const publicBytes = (seed: string): Buffer =>
  createPublicKey(privateKey(seed)).export({ format: 'der', type: 'spki' }).subarray(-32)
const keyId = (name: string, type: number, seed: string): Buffer =>
  sha256(`${name}\n`, Uint8Array.of(type), publicBytes(seed)).subarray(0, 4)
const vkey = (name: string, type: number, seed: string): string =>
  `${name}+${keyId(name, type, seed).toString('hex')}+${Buffer.concat([Uint8Array.of(type), publicBytes(seed)]).toString('base64')}`

const origin = 'gov.example.org/decisions'
const w1 = 'witness.example.net/w1'
const w2 = 'witness.example.net/w2'
const line = (name: string, ...parts: readonly Uint8Array[]): string =>
  `— ${name} ${Buffer.concat(parts).toString('base64')}\n`
const logLine = (text: string): string =>
  line(origin, keyId(origin, 1, 'log'), sign(null, Buffer.from(text), privateKey('log')))
const stamp = (time: bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(time)
  return bytes
}
function cosign(text: string, name: string, seed: string, time: bigint, signedTime = time): string {
  const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${signedTime}\n${text}`), privateKey(seed))
  return line(name, keyId(name, 4, seed), stamp(time), signature)
}

const leaf = (entry: string): Buffer => sha256(Uint8Array.of(0), entry)
const node = (left: Uint8Array, right: Uint8Array): Buffer => sha256(Uint8Array.of(1), left, right)
const [a, b, c] = ['first', 'second', 'third'].map(leaf) as [Buffer, Buffer, Buffer]
const root = node(node(a, b), c)
const text = `${origin}\n3\n${root.toString('base64')}\n`
const note = (...lines: readonly string[]): string => `${text}\n${lines.join('')}`
const time = 1_700_000_000n

const write = (file: string, value: unknown): void =>
  writeFileSync(new URL(`../../spec/vectors/log/${file}.json`, import.meta.url), `${JSON.stringify(value, null, 2)}\n`)

write('cosignature', {
  about: 'Cosignatures (C2SP tlog-cosignature, Ed25519) that trusted witnesses made on a note; times in seconds.',
  keys: [vkey(w1, 4, 'w1'), vkey(w2, 4, 'w2')],
  cases: [
    { name: 'none', note: note(logLine(text)), expect: 'ok', cosignatures: [] },
    {
      name: 'one',
      note: note(logLine(text), cosign(text, w1, 'w1', time)),
      expect: 'ok',
      cosignatures: [[w1, 1_700_000_000]],
    },
    {
      name: 'two, in any order, also before the log',
      note: note(cosign(text, w2, 'w2', time), logLine(text), cosign(text, w1, 'w1', time + 1n)),
      expect: 'ok',
      cosignatures: [
        [w2, 1_700_000_000],
        [w1, 1_700_000_001],
      ],
    },
    {
      name: 'one witness twice counts once, with the earliest time',
      note: note(cosign(text, w1, 'w1', time + 9n), cosign(text, w1, 'w1', time)),
      expect: 'ok',
      cosignatures: [[w1, 1_700_000_000]],
    },
    {
      name: 'of a stranger',
      note: note(logLine(text), cosign(text, 'witness.example.net/w3', 'w3', time)),
      expect: 'ok',
      cosignatures: [],
    },
    {
      name: 'a stranger under a known name',
      note: note(logLine(text), cosign(text, w1, 'w3', time)),
      expect: 'ok',
      cosignatures: [],
    },
    {
      name: 'a note signature by the witness key is none',
      note: note(line(w1, keyId(w1, 1, 'w1'), sign(null, Buffer.from(text), privateKey('w1')))),
      expect: 'ok',
      cosignatures: [],
    },
    { name: 'time changed', note: note(cosign(text, w1, 'w1', time + 1n, time)), expect: 'cosignature-bad' },
    {
      name: 'of another text',
      note: note(cosign(text.replace('\n3\n', '\n4\n'), w1, 'w1', time)),
      expect: 'cosignature-bad',
    },
    {
      name: 'signed without its header',
      note: note(line(w1, keyId(w1, 4, 'w1'), stamp(time), sign(null, Buffer.from(text), privateKey('w1')))),
      expect: 'cosignature-bad',
    },
    {
      name: 'one good and one bad line of one witness',
      note: note(cosign(text, w1, 'w1', time), cosign(text, w1, 'w1', time + 1n, time)),
      expect: 'cosignature-bad',
    },
    {
      name: 'without a time',
      note: note(line(w1, keyId(w1, 4, 'w1'), sign(null, Buffer.from(text), privateKey('w1')))),
      expect: 'cosignature-malformed',
    },
    { name: 'time past 2^63', note: note(cosign(text, w1, 'w1', 1n << 63n)), expect: 'cosignature-time' },
    { name: 'no signature at all', note: text, expect: 'note-no-signatures' },
  ],
})

const log = `log ${vkey(origin, 1, 'log')}`
const witness = (name: string, url = ''): string =>
  `witness ${name} ${vkey(`witness.example.net/${name}`, 4, name)}${url}`
const three = [witness('w1'), witness('w2'), witness('w3')]
const policy = (...lines: readonly string[]): string => lines.map((each) => `${each}\n`).join('')

write('witness-policy', {
  about:
    'Witness policies (C2SP tlog-policy). Of a good one: sets of witnesses that meet its quorum, and sets that do not. Of a bad one: every fault as [line, code].',
  cases: [
    { name: 'no witnesses', policy: policy('quorum none'), expect: 'ok', meets: [[]], lacks: [] },
    {
      name: 'one witness',
      policy: policy(log, witness('w1'), 'quorum w1'),
      expect: 'ok',
      meets: [['w1']],
      lacks: [[], ['w2']],
    },
    {
      name: 'two of three, with addresses, comments and blanks',
      policy: policy(
        '# ours',
        '',
        ` \t${log} https://gov.example.org/log`,
        witness('w1', ' https://w1.example.net'),
        ...three.slice(1),
        'group\tg  2 w1 w2\tw3 ',
        '  # é',
        'quorum g',
      ),
      expect: 'ok',
      meets: [
        ['w1', 'w2'],
        ['w2', 'w3'],
        ['w1', 'w2', 'w3'],
      ],
      lacks: [[], ['w1'], ['w1', 'w1'], ['w1', 'w9'], ['g']],
    },
    {
      name: 'any, all and nested groups',
      policy: policy(
        ...three,
        witness('w4'),
        'group one any w1 w2',
        'group both all w3 w4',
        'group top all one both',
        'quorum top',
      ),
      expect: 'ok',
      meets: [['w1', 'w3', 'w4']],
      lacks: [
        ['w1', 'w2'],
        ['w3', 'w4'],
        ['w1', 'w2', 'w3'],
      ],
    },
    {
      name: 'a quorum that is one witness of several',
      policy: policy(...three, 'quorum w2'),
      expect: 'ok',
      meets: [['w2']],
      lacks: [['w1', 'w3']],
    },
    { name: 'empty', policy: '', expect: [[0, 'policy-quorum-missing']] },
    { name: 'no quorum', policy: policy(log, witness('w1')), expect: [[2, 'policy-quorum-missing']] },
    { name: 'two quorums', policy: policy('quorum none', 'quorum none'), expect: [[2, 'policy-quorum-twice']] },
    {
      name: 'cut',
      policy: `${policy(witness('w1'))}quorum w1`,
      expect: [
        [2, 'policy-line-unterminated'],
        [1, 'policy-quorum-missing'],
      ],
    },
    {
      name: 'carriage return',
      policy: 'quorum none\r\n',
      expect: [
        [1, 'policy-control-character'],
        [1, 'policy-quorum-missing'],
      ],
    },
    { name: 'unknown word', policy: policy('threshold 2', 'quorum none'), expect: [[1, 'policy-line-unknown']] },
    {
      name: 'words are in lower case',
      policy: policy('Quorum none', 'quorum none'),
      expect: [[1, 'policy-line-unknown']],
    },
    {
      name: 'a key of a witness as a log',
      policy: policy(`log ${vkey(origin, 4, 'log')}`, 'quorum none'),
      expect: [[1, 'policy-log-key']],
    },
    {
      name: 'a key of a log as a witness',
      policy: policy(`witness w1 ${vkey(w1, 1, 'w1')}`, 'quorum w1'),
      expect: [[1, 'policy-witness-key']],
    },
    {
      name: 'key id of another',
      policy: policy(log.replace(/\+[0-9a-f]{8}\+/, '+00000000+'), 'quorum none'),
      expect: [[1, 'policy-log-key']],
    },
    {
      name: 'log twice, under another name',
      policy: policy(log, `log ${vkey('gov.example.org/other', 1, 'log')}`, 'quorum none'),
      expect: [[2, 'policy-log-twice']],
    },
    {
      name: 'witness twice, under another name',
      policy: policy(witness('w1'), `witness again ${vkey('other', 4, 'w1')}`, 'quorum w1'),
      expect: [[2, 'policy-witness-twice']],
    },
    {
      name: 'name twice',
      policy: policy(witness('w1'), witness('w2').replace('witness w2', 'witness w1'), 'quorum w1'),
      expect: [[2, 'policy-name-twice']],
    },
    {
      name: 'group with the name of a witness',
      policy: policy(...three, 'group w1 any w2 w3', 'quorum w1'),
      expect: [[4, 'policy-name-twice']],
    },
    {
      name: 'reserved name',
      policy: policy(witness('w1').replace('witness w1', 'witness none'), 'quorum none'),
      expect: [[1, 'policy-name-reserved']],
    },
    {
      name: 'none as a member',
      policy: policy(witness('w1'), 'group g any w1 none', 'quorum g'),
      expect: [[2, 'policy-name-unknown']],
    },
    {
      name: 'member defined later',
      policy: policy(witness('w1'), 'group g any w1 w2', witness('w2'), 'quorum g'),
      expect: [[2, 'policy-name-unknown']],
    },
    {
      name: 'member of two groups',
      policy: policy(...three, 'group g any w1 w2', 'group h any w2 w3', 'quorum h'),
      expect: [[5, 'policy-member-twice']],
    },
    {
      name: 'member twice in one group',
      policy: policy(...three, 'group g 2 w1 w1', 'quorum g'),
      expect: [[4, 'policy-member-twice']],
    },
    { name: 'threshold 0', policy: policy(...three, 'group g 0 w1', 'quorum g'), expect: [[4, 'policy-threshold']] },
    {
      name: 'threshold above the members',
      policy: policy(...three, 'group g 3 w1 w2', 'quorum g'),
      expect: [[4, 'policy-threshold']],
    },
    {
      name: 'threshold with a leading zero',
      policy: policy(...three, 'group g 02 w1 w2', 'quorum g'),
      expect: [[4, 'policy-threshold']],
    },
    {
      name: 'group without members',
      policy: policy('group g any', 'quorum none'),
      expect: [[1, 'policy-line-malformed']],
    },
    {
      name: 'quorum of nobody',
      policy: policy('quorum'),
      expect: [
        [1, 'policy-line-malformed'],
        [1, 'policy-quorum-missing'],
      ],
    },
    { name: 'quorum of an unknown name', policy: policy('quorum w1'), expect: [[1, 'policy-name-unknown']] },
    {
      name: 'too many words',
      policy: policy(`${log} https://a b`, 'quorum none'),
      expect: [[1, 'policy-line-malformed']],
    },
    {
      name: 'every fault at once',
      policy: policy('x', 'log y', 'witness w1 z', 'group g 5 w1', 'quorum q'),
      expect: [
        [1, 'policy-line-unknown'],
        [2, 'policy-log-key'],
        [3, 'policy-witness-key'],
        [4, 'policy-threshold'],
        [5, 'policy-name-unknown'],
      ],
    },
  ],
})

const head = note(logLine(text), cosign(text, w1, 'w1', time), cosign(text, w2, 'w2', time))
const hash = (bytes: Uint8Array): string => `${Buffer.from(bytes).toString('base64')}\n`
const first = 'c2sp.org/tlog-proof@v1\n'
const proofOfSecond = `${first}index 1\n${hash(a)}${hash(c)}\n${head}`

write('log-proof', {
  about: 'Proof files (C2SP tlog-proof@v1) of an entry, verified with the trusted log key and witness policy.',
  origin,
  log: vkey(origin, 1, 'log'),
  policy: policy(witness('w1'), witness('w2'), 'group g all w1 w2', 'quorum g'),
  cases: [
    { name: 'good', entry: 'second', proof: proofOfSecond, expect: 'ok', index: 1 },
    {
      name: 'with extra data',
      entry: 'second',
      proof: proofOfSecond.replace(first, `${first}extra aGVsbG8=\n`),
      expect: 'ok',
      index: 1,
    },
    {
      name: 'last entry',
      entry: 'third',
      proof: `${first}index 2\n${hash(node(a, b))}\n${head}`,
      expect: 'ok',
      index: 2,
    },
    { name: 'other entry', entry: 'third', proof: proofOfSecond, expect: 'root-mismatch' },
    {
      name: 'other index',
      entry: 'second',
      proof: proofOfSecond.replace('index 1', 'index 0'),
      expect: 'root-mismatch',
    },
    {
      name: 'index past the end',
      entry: 'second',
      proof: proofOfSecond.replace('index 1', 'index 3'),
      expect: 'index-out-of-range',
    },
    { name: 'hash missing', entry: 'second', proof: proofOfSecond.replace(hash(c), ''), expect: 'proof-too-short' },
    {
      name: 'hash too many',
      entry: 'second',
      proof: proofOfSecond.replace(hash(c), hash(c) + hash(c)),
      expect: 'proof-too-long',
    },
    {
      name: 'no quorum',
      entry: 'second',
      proof: `${first}index 1\n${hash(a)}${hash(c)}\n${note(logLine(text), cosign(text, w1, 'w1', time))}`,
      expect: 'witness-quorum-missing',
    },
    {
      name: 'bad cosignature',
      entry: 'second',
      proof: `${first}index 1\n${hash(a)}${hash(c)}\n${note(logLine(text), cosign(text, w1, 'w1', time, time + 1n))}`,
      expect: 'cosignature-bad',
    },
    {
      name: 'not signed by the log',
      entry: 'second',
      proof: `${first}index 1\n${hash(a)}${hash(c)}\n${note(cosign(text, w1, 'w1', time), cosign(text, w2, 'w2', time))}`,
      expect: 'note-no-known-key',
    },
    {
      name: 'leading zero',
      entry: 'second',
      proof: proofOfSecond.replace('index 1', 'index 01'),
      expect: 'log-proof-index',
    },
    { name: 'no index', entry: 'second', proof: proofOfSecond.replace('index 1\n', ''), expect: 'log-proof-index' },
    {
      name: 'extra after index',
      entry: 'second',
      proof: proofOfSecond.replace('index 1\n', 'index 1\nextra aGVsbG8=\n'),
      expect: 'log-proof-hash',
    },
    {
      name: 'empty extra',
      entry: 'second',
      proof: proofOfSecond.replace(first, `${first}extra \n`),
      expect: 'log-proof-extra',
    },
    {
      name: 'extra that is not base64',
      entry: 'second',
      proof: proofOfSecond.replace(first, `${first}extra aGVsbG8\n`),
      expect: 'log-proof-extra',
    },
    { name: 'short hash', entry: 'second', proof: proofOfSecond.replace(hash(a), 'AAAA\n'), expect: 'log-proof-hash' },
    {
      name: 'carriage returns',
      entry: 'second',
      proof: proofOfSecond.replaceAll('\n', '\r\n'),
      expect: 'log-proof-unknown-version',
    },
    {
      name: 'later version',
      entry: 'second',
      proof: proofOfSecond.replace('@v1', '@v2'),
      expect: 'log-proof-unknown-version',
    },
    { name: 'no checkpoint', entry: 'second', proof: `${first}index 1\n${hash(a)}`, expect: 'log-proof-malformed' },
    {
      name: 'too many hashes',
      entry: 'second',
      proof: proofOfSecond.replace(hash(a), hash(a).repeat(64)),
      expect: 'log-proof-too-many-hashes',
    },
  ],
})
