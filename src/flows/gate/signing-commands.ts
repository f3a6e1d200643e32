import { encodeBase64, type Facts } from '../../core/index.ts'

/** The first part of the pre-authentication encoding, up to the length of the body (DSSE v1). */
const paePrefix = 'DSSEv1 28 application/vnd.in-toto+json'

/** One awk program that writes git's raw diff as the canonical JSON whose SHA-256 is the change digest. */
const canonicalJsonOfRawDiff = [
  `awk -F'\\t' 'BEGIN { printf "[" }`,
  `function q(v, none) { return none ? "null" : "\\"" v "\\"" }`,
  `{ if ($2 ~ /^"/ || NF != 2) { print "odd path: use governance approval sign --clone" > "/dev/stderr"; bad = 1; exit 1 }`,
  `split(substr($1, 2), f, " "); add = f[1] == "000000"; del = f[2] == "000000";`,
  `printf "%s{\\"newBlob\\":%s,\\"newMode\\":%s,\\"newPath\\":%s,\\"oldBlob\\":%s,\\"oldMode\\":%s,\\"oldPath\\":%s}", (NR > 1 ? "," : ""),`,
  `q(f[4], del), q(f[2], del), q($2, del), q(f[3], add), q(f[1], add), q($2, add) }`,
  `END { if (!bad) printf "]" }'`,
].join(' ')

/**
 * Shell commands with which a signer checks, in the own clone, that the signed digest is the content's: they print
 * `same content` or stop. They need git, awk and openssl, nothing of ours.
 */
export function cloneCheckCommands(facts: Facts): readonly string[] {
  const from = facts.governance?.inForceCommit ?? facts.mergeBase
  const to = facts.governance === null ? facts.head.sha : `refs/governance/${facts.number}`
  const ref = facts.governance === null ? 'head' : 'merge'
  return [
    `git fetch -q origin ${facts.base.ref} +refs/pull/${facts.number}/${ref}:refs/governance/${facts.number}`,
    `git -c core.quotePath=false diff-tree -r --no-renames --no-abbrev ${from} ${to} | ${canonicalJsonOfRawDiff} | openssl dgst -sha256 -r | grep -q '^${facts.changeDigest} ' && echo 'same content' || { echo 'DIFFERENT CONTENT: do not sign' >&2; exit 1; }`,
  ]
}

/**
 * Shell commands with which a signer signs on a machine that has nothing but a POSIX shell and openssl, and that print
 * the comment to paste. `maintainer-key.pem` is the signer's own secp256k1 key.
 */
export function signCommands(payload: Uint8Array, command: string): readonly string[] {
  return [
    'export LC_ALL=C',
    `payload='${encodeBase64(payload)}'`,
    `body=$(printf '%s' "$payload" | openssl base64 -d -A)`,
    `printf '%s\\n' "$body"`,
    `printf '${paePrefix} %s %s' "\${#body}" "$body" > approval.pae`,
    'openssl dgst -sha256 -sign maintainer-key.pem -out approval.sig approval.pae',
    `printf '/governance-${command} %s %s\\n' "$(printf '%s' "$payload" | tr '+/' '-_' | tr -d '=')" "$(openssl base64 -A -in approval.sig)"`,
  ]
}
