import { createHash, type Hash } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { asSha256 } from '../../core/index.ts'
import type { ExportBatch } from '../../flows/audit/export-events.ts'
import { type ExportFile, type ExportManifest, readExportManifest } from '../../flows/audit/export-manifest.ts'
import { formats } from '../../flows/audit/formats/formats.ts'
import { exitCode } from './exit-code.ts'
import { Refusal } from './refusal.ts'

const manifestName = 'manifest.json'
/** After so many events the next file begins. */
const eventsPerFile = 20_000

/** The manifest of an export that was begun in this folder; null where there is none. @throws Refusal export-manifest */
export function readManifest(folder: string): ExportManifest | null {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(join(folder, manifestName))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  const manifest = readExportManifest(bytes)
  if (manifest !== undefined) return manifest
  throw new Refusal('export-manifest', `${join(folder, manifestName)} is no manifest that can be read`, {
    exit: exitCode.unknown,
    remedy: 'Name another folder.',
  })
}

/** An export on its way to a folder. Whatever `save` returned for survives a crash; what was added since may be cut. */
export interface ExportFolder {
  add(batch: ExportBatch): void
  /** Makes everything added so far durable, and the manifest that vouches for it last. */
  save(proof?: ExportManifest['proof']): ExportManifest
  close(): void
}

interface OpenFile {
  readonly fd: number
  readonly hash: Hash
}

/**
 * Continues the export that `manifest` describes. What a file holds beyond what the manifest vouches for is of a run that
 * was interrupted; it is cut and written again.
 *
 * @throws Refusal export-file-differs when the newest file is not what the manifest says
 */
export function openExportFolder(folder: string, manifest: ExportManifest): ExportFolder {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const files: ExportFile[] = [...manifest.files]
  let { next } = manifest
  const newest = files.at(-1)
  let open: OpenFile | null = newest === undefined ? null : reopen(newest)

  function reopen(file: ExportFile): OpenFile {
    const path = join(folder, file.name)
    const vouched = readFileSync(path).subarray(0, file.bytes)
    const hash = createHash('sha256').update(vouched)
    if (vouched.length !== file.bytes || hash.copy().digest('hex') !== file.sha256)
      throw new Refusal('export-file-differs', `${path} is not what the manifest says`, {
        remedy: 'Keep it for whoever looks into this, and export into another folder.',
      })
    const fd = openSync(path, 'r+')
    ftruncateSync(fd, file.bytes)
    closeSync(fd)
    return { fd: openSync(path, 'a'), hash }
  }

  function begin(first: number): OpenFile {
    const { format } = manifest
    const name = `${format}-${String(first).padStart(16, '0')}.${formats[format].extension}`
    files.push({ name, first, events: 0, bytes: 0, sha256: asSha256(createHash('sha256').digest('hex')) })
    // A file of this name that no manifest vouches for is of an interrupted run as well.
    return { fd: openSync(join(folder, name), 'w', 0o600), hash: createHash('sha256') }
  }

  function close(): void {
    if (open === null) return
    fsyncSync(open.fd)
    closeSync(open.fd)
    open = null
  }

  return {
    add({ first, events, bytes }) {
      const last = files.at(-1)
      if (last === undefined || open === null || last.events >= eventsPerFile) {
        close()
        open = begin(first)
      }
      writeFileSync(open.fd, bytes)
      open.hash.update(bytes)
      const grown = files.at(-1) as ExportFile
      files[files.length - 1] = {
        ...grown,
        events: grown.events + events,
        bytes: grown.bytes + bytes.length,
        sha256: asSha256(open.hash.copy().digest('hex')),
      }
      next = first + events
    },
    save(proof = null) {
      if (open !== null) fsyncSync(open.fd)
      const saved: ExportManifest = { ...manifest, next, files: [...files], proof }
      const fresh = join(folder, `${manifestName}.new`)
      const fd = openSync(fresh, 'w', 0o600)
      writeFileSync(fd, `${JSON.stringify(saved, null, 2)}\n`)
      fsyncSync(fd)
      closeSync(fd)
      renameSync(fresh, join(folder, manifestName))
      const directory = openSync(folder, 'r')
      fsyncSync(directory)
      closeSync(directory)
      return saved
    },
    close,
  }
}
