import type { Role } from '../events/values.ts';

/** An account as its owner and admins see it. */
export interface User {
  id: string;
  email: string;
  username: string;
  fullName: string;
  role: Role;
  isActive: boolean;
  emailVerified: boolean;
  /** IANA name. */
  timezone: string;
  createdAt: Date;
}

/** The columns of `accounts.users` (as `users`) that make a User. */
export const userColumns = `users.id, users.email, users.username, users.full_name as "fullName", users.role, users.is_active as "isActive",
  users.email_verified as "emailVerified", users.timezone, users.created_at as "createdAt"`;
