import { useProfile } from './queries.ts';

/** What a new password has to be, in words to read before it is typed. */
export function usePasswordHint(): string | undefined {
  const rules = useProfile().data?.password_rules;
  if (!rules) return undefined;
  const words = `At least ${rules.min_length} characters; not a common password, the user name or "berth".`;
  return rules.enforced ? words : `${words} Here weaker ones are taken too, with a warning.`;
}
