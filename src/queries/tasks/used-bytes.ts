import pg from 'pg';

/** An upload that is under way, or whose file the read model may not know yet. */
interface Pending {
  bytes: number;
  fileId: string | null;
}

/**
 * The bytes of a user's files that are not purged, and of those pending uploads that are not among these files, as of one moment.
 * @param schema where the listing is
 */
export async function usedBytes(client: pg.ClientBase, schema: string, userId: string, pending: readonly Pending[]): Promise<number> {
  const files = `${pg.escapeIdentifier(schema)}.files`;
  const { rows } = await client.query<{ used: string }>(
    `select
       coalesce((select sum(file.size) from ${files} file where file.uploaded_by = $1 and not file.purged), 0)
       + coalesce((
           select sum(upload.bytes) from jsonb_to_recordset($2) upload (bytes bigint, "fileId" uuid)
           where not exists (select from ${files} file where file.id = upload."fileId")
         ), 0) as used`,
    [userId, JSON.stringify(pending)],
  );
  return Number(rows[0]!.used);
}
