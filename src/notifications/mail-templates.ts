import { layOut, type MailText, oneLine } from './mail-layout.ts';

/** A task, as the mail shows it: without a link, because the service has no page of a task. */
export interface MailedTask {
  title: string;
}

/** What there is to be told by mail. `by` is whoever did it, by name. Names and titles are as people wrote them. */
export type MailContent =
  | { kind: 'verification'; url: string }
  | { kind: 'password_reset'; url: string }
  | { kind: 'email_change'; url: string }
  | { kind: 'email_change_requested' }
  | { kind: 'email_changed'; at: string }
  | { kind: 'password_changed'; at: string }
  | { kind: 'access_token_created'; at: string; name: string | null; scopes: readonly string[] }
  | { kind: 'webhook_created'; url: string; at: string }
  | { kind: 'webhook_changed'; url: string; at: string; isMoved: boolean }
  | { kind: 'webhook_disabled'; url: string; reason: string }
  | { kind: 'task_shared_with_me'; by: string; task: MailedTask; permission: 'view' | 'edit' }
  | { kind: 'task_assigned_to_me'; by: string; task: MailedTask; as: 'assignee' | 'owner' }
  | { kind: 'task_completed'; by: string; task: MailedTask }
  | { kind: 'task_deleted'; by: string; task: MailedTask }
  | { kind: 'comment_on_my_task'; by: string; task: MailedTask; comment: string | null }
  | { kind: 'mentioned'; by: string; task: MailedTask; comment: string | null }
  | { kind: 'task_due_soon'; tasks: readonly (MailedTask & { due: string })[] };

export type MailKind = MailContent['kind'];

/** Those that can be ended by who gets them; all others are sent whatever is preferred. */
const endable: ReadonlySet<MailKind> = new Set([
  'task_shared_with_me',
  'task_assigned_to_me',
  'task_completed',
  'task_deleted',
  'comment_on_my_task',
  'mentioned',
  'task_due_soon',
]);

export function isEndable(kind: MailKind): boolean {
  return endable.has(kind);
}

/** @param unsubscribeUrl a page; for mails that can be ended */
export function renderMail(content: MailContent, unsubscribeUrl?: string): { subject: string; text: string; html: string } {
  return layOut({ ...textOf(content), ...(unsubscribeUrl !== undefined && { unsubscribeUrl }) });
}

const NAME = 100;
const TITLE = 120;
const EXCERPT = 1000;

const forSecurity = 'This is sent to you for the security of your Tasktrail account, whatever your preferences are.';
const asked = 'This was sent because somebody asked for it with your address. If it was not you, do nothing.';
const byPreference = 'This is sent to you because your notification preferences say so.';
const notYou = 'If this was not you, reset your password at once: that ends every session and access token, and stops every webhook.';

type Text = Omit<MailText, 'unsubscribeUrl'>;

function textOf(content: MailContent): Text {
  switch (content.kind) {
    case 'verification':
    case 'password_reset':
    case 'email_change':
      return linkText(content);
    case 'email_change_requested':
    case 'email_changed':
    case 'password_changed':
    case 'access_token_created':
    case 'webhook_created':
    case 'webhook_changed':
    case 'webhook_disabled':
      return securityText(content);
    default:
      return taskText(content);
  }
}

type Of<K extends MailKind> = Extract<MailContent, { kind: K }>;

/** Nothing that anybody typed stands in these: they go to addresses that nobody has confirmed. */
function linkText({ kind, url }: Of<'verification' | 'password_reset' | 'email_change'>): Text {
  if (kind === 'password_reset') {
    return {
      subject: 'Reset your password',
      paragraphs: ['Somebody asked to reset the password of the Tasktrail account with this address.'],
      button: { label: 'Choose a new password', url },
      afterwards: ['The link works once, for 30 minutes. With the new password, you are signed out everywhere.'],
      reason: asked,
    };
  }
  const isNew = kind === 'email_change';
  return {
    subject: isNew ? 'Confirm your new e-mail address' : 'Confirm your e-mail address',
    paragraphs: [
      isNew
        ? 'This is to be the new e-mail address of a Tasktrail account. It is, as soon as you confirm it.'
        : 'Confirm that this is the e-mail address of your Tasktrail account, to be notified by mail.',
    ],
    button: { label: 'Confirm this address', url },
    afterwards: ['The link works once, for 24 hours.'],
    reason: asked,
  };
}

const whyDisabled: Record<string, string> = {
  token_ended: 'the access token that made it was revoked or has expired',
  password_reset: 'the password of your account was reset',
  password_changed: 'the password of your account was changed in another session',
  compromised: 'you signed out everywhere because your account may be compromised',
  account_disabled: 'your account was disabled',
  gone: 'its receiver answered that it is gone (410)',
  'unreachable for a day': 'its receiver could not be reached for a day',
};

type Security = Of<
  | 'email_change_requested'
  | 'email_changed'
  | 'password_changed'
  | 'access_token_created'
  | 'webhook_created'
  | 'webhook_changed'
  | 'webhook_disabled'
>;

function securityText(content: Security): Text {
  switch (content.kind) {
    case 'email_change_requested':
      return {
        subject: 'Your e-mail address is about to be changed',
        paragraphs: [
          'Somebody signed in to your Tasktrail account asked to change its e-mail address, and was sent a link to the new one.',
        ],
        afterwards: [notYou],
        reason: forSecurity,
      };
    case 'email_changed':
      return {
        subject: 'Your e-mail address was changed',
        paragraphs: [`The e-mail address of your Tasktrail account was changed on ${content.at}. Mails go to the new one from now on.`],
        afterwards: ['If this was not you, tell those who run the service.'],
        reason: forSecurity,
      };
    case 'password_changed':
      return {
        subject: 'Your password was changed',
        paragraphs: [`The password of your Tasktrail account was changed on ${content.at}.`],
        afterwards: [notYou],
        reason: forSecurity,
      };
    case 'access_token_created': {
      const named = content.name === null ? '' : ` “${oneLine(content.name, NAME)}”`;
      return {
        subject: 'A new access token for your account',
        paragraphs: [`A personal access token${named} was made on ${content.at}. It may be used for: ${content.scopes.join(', ')}.`],
        afterwards: [notYou],
        reason: forSecurity,
      };
    }
    case 'webhook_created':
      return {
        subject: 'A webhook was created in your account',
        paragraphs: [`A webhook to ${content.url} was created on ${content.at}. It is sent the events that you may see.`],
        afterwards: [notYou],
        reason: forSecurity,
      };
    case 'webhook_changed':
      return {
        subject: content.isMoved ? 'A webhook of yours has a new address' : 'A webhook of yours was reactivated',
        paragraphs: [
          content.isMoved
            ? `Since ${content.at}, a webhook of your account leads to ${content.url}. It is sent the events that you may see.`
            : `The webhook to ${content.url} was reactivated on ${content.at}. It is sent the events that you may see.`,
        ],
        afterwards: [notYou],
        reason: forSecurity,
      };
    case 'webhook_disabled':
      return {
        subject: 'A webhook of yours was disabled',
        paragraphs: [
          `Your webhook to ${content.url} was disabled: ${whyDisabled[content.reason] ?? content.reason}.`,
          'Nothing is delivered to it until you activate it again.',
        ],
        reason: 'This is sent to you because the webhook is yours.',
      };
  }
}

type OfTask = Exclude<MailContent, Security | { url: string; kind: 'verification' | 'password_reset' | 'email_change' }>;

function taskText(content: OfTask): Text {
  if (content.kind === 'task_due_soon') return dueText(content);
  const by = oneLine(content.by, NAME);
  const title = `“${oneLine(content.task.title, TITLE)}”`;
  const said = 'comment' in content && content.comment !== null ? [excerpt(content.comment)] : [];
  const sentence = sentenceOf(content, by, title);
  return {
    subject: sentence,
    paragraphs: [`${sentence}.`, ...said],
    reason: byPreference,
  };
}

function sentenceOf(content: Exclude<OfTask, { kind: 'task_due_soon' }>, by: string, title: string): string {
  switch (content.kind) {
    case 'task_shared_with_me':
      return `${by} shared ${title} with you, to ${content.permission}`;
    case 'task_assigned_to_me':
      return content.as === 'owner' ? `${by} made you the owner of ${title}` : `${by} assigned ${title} to you`;
    case 'task_completed':
      return `${by} completed ${title}`;
    case 'task_deleted':
      return `${by} deleted your task ${title}`;
    case 'comment_on_my_task':
      return `${by} commented on ${title}`;
    case 'mentioned':
      return `${by} mentioned you on ${title}`;
  }
}

function dueText({ tasks }: Of<'task_due_soon'>): Text {
  const list = tasks.map(({ title, due }) => `${due}: ${oneLine(title, TITLE)}`);
  const [only] = tasks;
  const subject = tasks.length === 1 ? `Due ${only!.due}: ${oneLine(only!.title, TITLE)}` : `${tasks.length} tasks are due soon`;
  return { subject, paragraphs: ['Due soon, and still open:', ...list], reason: byPreference };
}

function excerpt(comment: string): string {
  const characters = [...comment.trim()];
  return characters.length <= EXCERPT ? characters.join('') : `${characters.slice(0, EXCERPT).join('')}…`;
}
