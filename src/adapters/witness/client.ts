import { decodeUtf8, formatAddCheckpoint } from '../../core/index.ts'
import type { WitnessAnswer, WitnessClient } from '../../flows/ports.ts'

export interface WitnessClientSettings {
  /** From the first byte sent to the last one received. */
  readonly timeoutMs: number
}

/** A witness answers with a few lines; more than this nobody has to say. */
const maxAnswerBytes = 65_536
const sizeType = 'text/x.tlog.size'
const sizeLine = /^(?:0|[1-9][0-9]{0,15})\n$/

const unreachable = (reason: string): WitnessAnswer => ({ kind: 'unreachable', reason })

async function readAnswer(response: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > maxAnswerBytes) return undefined
    chunks.push(chunk)
  }
  return decodeUtf8(Buffer.concat(chunks))
}

function answerOf(response: Response, text: string): WitnessAnswer {
  if (response.status === 200)
    return text.startsWith('— ') && text.endsWith('\n')
      ? { kind: 'cosigned', lines: text }
      : unreachable('answer-malformed')
  if (response.status === 409 && response.headers.get('content-type') === sizeType) {
    const size = sizeLine.test(text) ? Number(text) : Number.NaN
    return Number.isSafeInteger(size) ? { kind: 'size', size } : unreachable('answer-malformed')
  }
  // What lies behind a proxy that is down was not asked.
  return response.status >= 500
    ? unreachable(`status-${response.status}`)
    : { kind: 'refused', status: response.status }
}

/**
 * Speaks to witnesses over HTTP.
 *
 * Trust: the answer is a witness's, or whoever answers under its address; only its cosignature can be verified.
 * Checks: time, size, status, shape. Follows no redirect.
 * Spec: C2SP tlog-witness.
 */
export function createWitnessClient({ timeoutMs }: WitnessClientSettings): WitnessClient {
  return {
    async addCheckpoint(url, request) {
      try {
        const response = await fetch(`${url.replace(/\/+$/, '')}/add-checkpoint`, {
          method: 'POST',
          redirect: 'manual',
          headers: { 'content-type': 'text/plain; charset=utf-8' },
          body: formatAddCheckpoint(request),
          signal: AbortSignal.timeout(timeoutMs),
        })
        const text = await readAnswer(response)
        return text === undefined ? unreachable('answer-malformed') : answerOf(response, text)
      } catch (error) {
        const { name, cause } = error as { readonly name?: string; readonly cause?: { readonly code?: string } }
        return unreachable(name === 'TimeoutError' ? 'timeout' : (cause?.code ?? 'failed'))
      }
    },
  }
}
