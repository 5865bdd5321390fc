import { z } from 'zod';
import type { FileState } from '../../events/task/task.ts';
import { Id, Time } from '../../events/values.ts';
import { type People, PersonView, personIn } from './person-view.ts';

export const FileView = z
  .strictObject({
    id: Id,
    task_id: Id,
    name: z.string(),
    size: z.int().meta({ description: 'In bytes.' }),
    content_type: z.string().meta({ description: 'Found by the content; with `charset=utf-8` where a text is UTF-8.' }),
    sha256: z.string().meta({ description: 'Of its content, in hexadecimal digits.' }),
    uploaded_by: PersonView,
    uploaded_at: Time,
    purged: z.boolean().meta({ description: 'Its content is gone for good.' }),
  })
  .meta({ id: 'File' });
export type FileView = z.output<typeof FileView>;

export function fileView(taskId: string, id: string, file: FileState, people: People): FileView {
  return {
    id,
    task_id: taskId,
    name: file.name,
    size: file.size,
    content_type: file.contentType,
    sha256: file.sha256,
    uploaded_by: personIn(people, file.uploadedBy),
    uploaded_at: file.uploadedAt,
    purged: file.purged,
  };
}
