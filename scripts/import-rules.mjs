// Checks who imports whom. A run that saw no module has checked nothing, and fails.
import { cruise } from 'dependency-cruiser';
import options from '../dependency-rules.cjs';

const { output } = await cruise(['src'], {
  ruleSet: { forbidden: options.forbidden },
  validate: true,
  tsPreCompilationDeps: true,
  doNotFollow: { path: 'node_modules' },
  exclude: { path: '^src/web/dist/' },
  enhancedResolveOptions: {
    exportsFields: ['exports'],
    conditionNames: ['import', 'require', 'node', 'default', 'types'],
  },
});
const { summary } = output;
for (const { rule, from, to } of summary.violations) console.log(`${rule.name}: ${from} -> ${to}`);
console.log(`${summary.totalCruised} modules, ${summary.violations.length} violations`);
process.exitCode = summary.totalCruised > 0 && summary.violations.length === 0 ? 0 : 1;
