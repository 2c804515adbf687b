import { testDriverFaults } from './driver-faults.ts';
import { ANSIBLE_DRIVER } from './drivers.ts';

testDriverFaults(ANSIBLE_DRIVER);
