/**
 * Looks a name up among an object's own members.
 *
 * Names come from statements and facts; `constructor` and the like must not find what every object inherits.
 */
export const ownMember = <T>(members: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(members, name) ? members[name] : undefined
