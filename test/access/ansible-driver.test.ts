import { testDriver } from './driver-suite.ts';
import { ANSIBLE_DRIVER } from './drivers.ts';

testDriver(ANSIBLE_DRIVER);
