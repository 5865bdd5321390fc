/** What a service must be told for a load from one address to be a load, and not a row of refusals. */
export const unlimited = { RATE_LIMIT_PER_MINUTE: '0', RATE_LIMIT_USER_PER_MINUTE: '0', RATE_LIMIT_LOGIN_PER_MINUTE: '0' };

/** The same, said to a person. */
export const howToLift = `start it with ${Object.entries(unlimited)
  .map(([name, value]) => `${name}=${value}`)
  .join(' ')}, or leave --url out`;
