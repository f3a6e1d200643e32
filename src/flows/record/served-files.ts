import { parseLogPath } from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import type { LogFiles, Memory } from '../ports.ts'

/**
 * The files of a log as strangers are served them. A value is refused from the commit on that erases it, also while its file
 * still lies in the place.
 *
 * @throws AppError blob-erased; and as the place does
 */
export const servedFiles = (
  files: Pick<LogFiles, 'read'>,
  memory: Pick<Memory, 'isErased'>,
): Pick<LogFiles, 'read'> => ({
  async read(path) {
    const parsed = parseLogPath(path)
    if (parsed?.kind === 'blob' && (await memory.isErased(parsed.digest)))
      throw new AppError('blob-erased', 'the value was erased', { data: { digest: parsed.digest } })
    return files.read(path)
  },
})
