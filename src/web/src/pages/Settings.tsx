import { Page } from '../components/Page.tsx';
import { KeysPanel } from '../features/settings/KeysPanel.tsx';
import { LimitsPanel } from '../features/settings/LimitsPanel.tsx';
import { NotifyPanel } from '../features/settings/NotifyPanel.tsx';
import { PasswordPanel } from '../features/settings/PasswordPanel.tsx';
import { ProfilePanel } from '../features/settings/ProfilePanel.tsx';
import { SecondFactorPanel } from '../features/settings/SecondFactorPanel.tsx';
import { SessionsPanel } from '../features/settings/SessionsPanel.tsx';
import { ThemePanel } from '../features/settings/ThemePanel.tsx';
import { TokensPanel } from '../features/tokens/TokensPanel.tsx';

export default function Settings() {
  return (
    <Page title="Settings">
      <div className="settings stack">
        <ProfilePanel />
        <LimitsPanel />
        <KeysPanel />
        <ThemePanel />
        <NotifyPanel />
        <PasswordPanel />
        <SecondFactorPanel />
        <SessionsPanel />
        <TokensPanel />
      </div>
    </Page>
  );
}
