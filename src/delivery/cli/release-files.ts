import { createHash } from 'node:crypto'
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import {
  type Artifact,
  asSha256,
  compareArtifacts,
  encodeUtf8,
  equalBytes,
  isArtifactName,
  isBesideArtifacts,
  maxArtifacts,
  maxRequestBytes,
  readReleaseRequest,
  type ReleaseRequest,
  type Sha256,
  sortedArtifacts,
  sumsFileName,
  sumsText,
} from '../../core/index.ts'
import { exitCode } from './exit-code.ts'
import { writeNewFile } from './new-file.ts'
import { readRecordFile } from './record-file.ts'
import { Refusal, UsageError } from './refusal.ts'

const unreadable = (file: string, error: unknown): Refusal =>
  new Refusal('file-unreadable', `${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`, {
    exit: exitCode.unknown,
    remedy: 'Check path and permissions.',
  })

/** SHA-256 of a regular file of any size. @throws Refusal file-unreadable */
async function fileDigest(file: string): Promise<Sha256> {
  const hash = createHash('sha256')
  try {
    if (!statSync(file).isFile()) throw Object.assign(new Error(), { code: 'not a file' })
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  } catch (error) {
    throw unreadable(file, error)
  }
  return asSha256(hash.digest('hex'))
}

/** The artefacts that files are, by name. @throws UsageError, Refusal file-unreadable */
export async function artifactsOfFiles(files: readonly string[]): Promise<readonly Artifact[]> {
  const folders = new Set(files.map((file) => dirname(resolve(file))))
  const names = files.map((file) => basename(file))
  const unusable = names.filter((name) => !isArtifactName(name))
  const problems = [
    ...(folders.size > 1 ? ['the artefacts of a release lie in one folder'] : []),
    ...(new Set(names).size < names.length ? ['an artefact is named twice'] : []),
    ...(files.length > maxArtifacts ? [`a release has at most ${maxArtifacts} artefacts`] : []),
    ...unusable.map((name) => `${name} is no name of an artefact: letters, digits and ._+~@=,- and none of ours`),
  ]
  if (problems.length > 0) throw new UsageError(...problems)
  const artifacts: Artifact[] = []
  for (const file of files) artifacts.push({ name: basename(file), sha256: await fileDigest(file) })
  return sortedArtifacts(artifacts)
}

/**
 * Everything in a folder that could be an artefact: all of it but the files that lie beside them. A folder in it counts as a
 * file that nobody released.
 * @throws Refusal file-unreadable
 */
export async function artifactsInFolder(folder: string, except: string): Promise<readonly Artifact[]> {
  let names: readonly string[]
  try {
    names = readdirSync(folder)
  } catch (error) {
    throw unreadable(folder, error)
  }
  const found: Artifact[] = []
  for (const name of names) {
    const place = join(folder, name)
    if (isBesideArtifacts(name) || resolve(place) === resolve(except)) continue
    found.push({ name, sha256: statSync(place).isFile() ? await fileDigest(place) : ('' as Sha256) })
  }
  return found
}

/**
 * Insists that a folder holds exactly the artefacts of a request, and that the list beside them, where there is one, is theirs.
 * @throws Refusal artifact-changed, artifact-missing, artifact-extra, sums-differ; each names all of its files
 */
export async function requireArtifacts(folder: string, { artifacts }: ReleaseRequest, except: string): Promise<void> {
  const { changed, missing, extra } = compareArtifacts(artifacts, await artifactsInFolder(folder, except))
  const refuse = (code: string, what: string, names: readonly string[], remedy: string): void => {
    if (names.length > 0)
      throw new Refusal(code, `${what}: ${names.join(', ')}`, { remedy, data: { files: names, folder } })
  }
  const again = 'Get the files that were approved, or prepare a new release and have it approved.'
  refuse('artifact-changed', 'not what was approved', changed, again)
  refuse('artifact-missing', 'approved, and not there', missing, again)
  refuse('artifact-extra', 'there, and not approved', extra, 'Take it out of the folder, or have it approved.')
  const sums = join(folder, sumsFileName)
  if (existsSync(sums) && !equalBytes(readFileSync(sums), encodeUtf8(sumsText(artifacts))))
    throw new Refusal('sums-differ', `${sums} is not the list of these artefacts`, { remedy: 'Remove it.' })
}

/** Writes the list of the artefacts into their folder, where it is not there yet. @throws Refusal file-exists for another one */
export function writeSums(folder: string, artifacts: readonly Artifact[]): string {
  const file = join(folder, sumsFileName)
  const bytes = encodeUtf8(sumsText(artifacts))
  if (!existsSync(file) || !equalBytes(readFileSync(file), bytes)) writeNewFile(file, bytes)
  return file
}

/** @throws Refusal of the file and of what is wrong with it */
export function requestFrom(file: string): ReleaseRequest {
  const read = readReleaseRequest(readRecordFile(file, maxRequestBytes))
  if (read.ok) return read.request
  throw new Refusal(read.code, `${file} is no release request${read.field === null ? '' : ` (${read.field})`}`, {
    exit: exitCode.unknown,
    remedy: 'Write it with `governance release prepare`.',
  })
}
