import { testDriver } from './driver-suite.ts';
import { SSH_DRIVER } from './drivers.ts';

testDriver(SSH_DRIVER);
