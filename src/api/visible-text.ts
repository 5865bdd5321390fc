/** Whether text shows anything: blanks, control and format characters and fillers alone look empty wherever they are displayed. */
export function hasVisibleText(text: string): boolean {
  return /[^\p{Z}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u.test(text);
}

export const notEmpty = { error: 'must not be empty', params: { code: 'too_short' } };
