import { Page } from '../components/Page.tsx';
import { ThemePanel } from '../features/settings/ThemePanel.tsx';

export default function Settings() {
  return (
    <Page title="Settings">
      <div className="narrow stack">
        <ThemePanel />
      </div>
    </Page>
  );
}
