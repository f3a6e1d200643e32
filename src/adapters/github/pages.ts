import { AppError } from '../../flows/app-error.ts'
import type { Query } from './api-address.ts'
import type { Answer, Call, Client } from './call.ts'

export const pageSize = 100

/** The query of the next page as the Link header names it; host and path are ours, never the header's (T60). */
function nextQuery(link: string | null): Query | null {
  const target = link === null ? undefined : /<([^<>]*)>;\s*rel="next"/.exec(link)?.[1]
  const url = target === undefined ? null : URL.parse(target, 'https://forge.invalid')
  return url === null ? null : Object.fromEntries(url.searchParams)
}

/**
 * Reads every page of a list, or refuses.
 *
 * `take` gets each page and may end the reading by returning false.
 * @throws AppError forge-incomplete when more than `maxPages` would be needed
 */
export async function readPages(
  client: Client,
  call: Call,
  maxPages: number,
  take: (answer: Answer) => boolean | undefined,
): Promise<void> {
  let query: Query = { ...call.query, per_page: pageSize }
  for (let page = 1; ; page++) {
    const answer = await client.call({ ...call, query })
    if (take(answer) === false) return
    const next = nextQuery(answer.link)
    if (next === null) return
    if (page >= maxPages) {
      throw new AppError('forge-incomplete', 'the list is longer than what is read', { data: { reason: 'pages' } })
    }
    query = { ...query, ...next }
  }
}
