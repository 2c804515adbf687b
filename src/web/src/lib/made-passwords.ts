/** Passwords that Berth made are told once. They stay in this page's memory until it is left, and nowhere else. */
const passwords = new Map<string, string>();

export function keepPassword(reservationId: string, password: string): void {
  passwords.set(reservationId, password);
}

export const passwordOf = (reservationId: string): string | undefined => passwords.get(reservationId);
