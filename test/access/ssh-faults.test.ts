import { testDriverFaults } from './driver-faults.ts';
import { SSH_DRIVER } from './drivers.ts';

testDriverFaults(SSH_DRIVER);
