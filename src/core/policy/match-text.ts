import { rulesOf } from './compiled-policy.ts'
import { ownMember } from './own-member.ts'
import type { PolicyV1, TextMatch } from './policy-v1.ts'

const lowerAscii = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

const escapeRegExp = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')

/** A keyword as a whole-word expression over ASCII-lowered text; blanks in it match any run of white space. */
function wordExpression(keyword: string): RegExp {
  const words = lowerAscii(keyword).trim().split(/\s+/).map(escapeRegExp)
  return new RegExp(`(?<![A-Za-z0-9_])${words.join('[ \\t\\r\\n]+')}(?![A-Za-z0-9_])`)
}

const expressions = new Map<string, RegExp>()
const maxRemembered = 5000

function expressionOf(keyword: string): RegExp {
  const known = expressions.get(keyword)
  if (known !== undefined) return known
  if (expressions.size >= maxRemembered) expressions.clear()
  const fresh = wordExpression(keyword)
  expressions.set(keyword, fresh)
  return fresh
}

/**
 * Finds the tiers that title and body add to a change, and the keyword or marker that did it, in the policy's order.
 *
 * Keywords are whole words, ASCII case-insensitive, in title or body; markers are exact text in the title. Both can only
 * add tiers, and never tier 4. An unknown repository has no rules and gives nothing.
 * Trust: title and body are an attacker's; the work is linear in their length for each keyword.
 */
export function matchText(policy: PolicyV1, repository: string, title: string, body: string): TextMatch[] {
  if (ownMember(policy.repositories, repository) === undefined) return []
  const text = lowerAscii(`${title}\n\u0000\n${body}`)
  const found: TextMatch[] = []
  const add = (tier: string, rule: string): void => {
    if (!found.some((match) => match.tier === tier && match.rule === rule)) found.push({ tier, rule })
  }
  for (const rule of rulesOf(policy, repository)) {
    for (const keyword of policy.options.keywords ? rule.keywords : []) {
      if (keyword.trim() !== '' && expressionOf(keyword).test(text)) add(rule.tier, `keyword:${keyword}`)
    }
    for (const marker of rule.markers) if (title.includes(marker)) add(rule.tier, `marker:${marker}`)
  }
  return found
}
