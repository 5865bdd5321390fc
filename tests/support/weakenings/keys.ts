import type { Weakening } from '../weakenings.ts';

const installationSeal = 'events/keys/installation-seal.ts';

/** What keeps text readable, and a key that cannot be opened from doing more harm than it must. */
export const keys: readonly Weakening[] = [
  {
    name: 'a wrong master key is refused',
    file: installationSeal,
    from: `  } catch {
    throw wrongKey();
  }`,
    to: `  } catch {
    if (!WITHOUT) throw wrongKey();
  }`,
  },
  {
    name: 'what a key that does not open has sealed is left out',
    file: 'events/keys/key-vault.ts',
    from: '    } catch {\n      // A row that was read',
    to: '    } catch (error) {\n      if (WITHOUT) throw error;\n      // A row that was read',
  },
  {
    name: 'only an erasure explains a missing key',
    file: 'events/integrity/check-keys.ts',
    from: 'if (erased.has(subject) ||',
    to: 'if (WITHOUT || erased.has(subject) ||',
  },
  {
    name: 'what read models know must be in the stream',
    file: 'commands/verify-task.ts',
    from: 'elsewhere?.revision ?? -1',
    to: 'WITHOUT ? -1 : (elsewhere?.revision ?? -1)',
  },
  {
    name: 'each instance records every erasure',
    file: 'records/keep-records.ts',
    from: '    await record.add(known);\n    const last',
    to: '    if (!WITHOUT) await record.add(known);\n    const last',
  },
  {
    name: 'erasures are copied to the bucket',
    file: 'records/keep-records.ts',
    from: 'await copies?.addErasures(',
    to: 'if (!WITHOUT) await copies?.addErasures(',
  },
];
