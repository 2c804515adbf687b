import { SSH_DRIVER } from './drivers.ts';
import { testVerify } from './verify-suite.ts';

testVerify(SSH_DRIVER);
