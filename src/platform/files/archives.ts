import yauzl from 'yauzl';

export interface OfficeParts {
  contentType: string;
  /** That there must be beside the list of parts. */
  main: string;
}

const openXml = 'application/vnd.openxmlformats-officedocument';

/** Documents that are archives with certain files in them, by extension. */
export const officeParts: Readonly<Record<string, OfficeParts>> = {
  docx: { contentType: `${openXml}.wordprocessingml.document`, main: 'word/document.xml' },
  xlsx: { contentType: `${openXml}.spreadsheetml.sheet`, main: 'xl/workbook.xml' },
  pptx: { contentType: `${openXml}.presentationml.presentation`, main: 'ppt/presentation.xml' },
};

/** More parts than any document has: whoever sends so many wants something else. */
const MOST_PARTS = 10_000;

/** Whether it can be read as an archive from its end, as all programs do. */
export async function isZip(path: string): Promise<boolean> {
  try {
    const archive = await yauzl.openPromise(path);
    archive.close();
    return true;
  } catch {
    return false;
  }
}

/** Whether it is an archive with the parts of such a document, and without programs. */
export async function isOfficeDocument(path: string, { main }: OfficeParts): Promise<boolean> {
  const missing = new Set(['[Content_Types].xml', main]);
  try {
    const archive = await yauzl.openPromise(path);
    if (archive.entryCount > MOST_PARTS) {
      archive.close();
      return false;
    }
    for await (const { fileName } of archive.eachEntry()) {
      missing.delete(fileName);
      if (/vbaProject\.bin$/i.test(fileName)) return false;
    }
    return missing.size === 0;
  } catch {
    return false;
  }
}
