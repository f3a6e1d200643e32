const ranks: Readonly<Record<string, number>> = { none: 0, read: 1, write: 2, admin: 3 }
const rank = (level: string | undefined): number => ranks[level ?? 'none'] ?? ranks.admin ?? 3

/** What an App may do beyond what it needs, as `name:level`. An unknown level counts as the highest. */
export const excessOf = (
  held: Readonly<Record<string, string>>,
  needed: Readonly<Record<string, string>>,
): readonly string[] =>
  Object.entries(held)
    .filter(([name, level]) => rank(level) > rank(Object.hasOwn(needed, name) ? needed[name] : undefined))
    .map(([name, level]) => `${name}:${level}`)
    .sort()

/** What an App lacks of what it needs, as `name:level`. */
export const lackOf = (
  held: Readonly<Record<string, string>>,
  needed: Readonly<Record<string, string>>,
): readonly string[] =>
  Object.entries(needed)
    .filter(([name, level]) => rank(Object.hasOwn(held, name) ? held[name] : undefined) < rank(level))
    .map(([name, level]) => `${name}:${level}`)
    .sort()
