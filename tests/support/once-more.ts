import { jest } from '@jest/globals';

// Real servers, real clocks and a machine that others share: where it stands still for seconds, a bounded wait runs out. What fails is told,
// and tried once more; what fails twice has failed.
jest.retryTimes(1, { logErrorsBeforeRetry: true });
