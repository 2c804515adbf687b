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
import { useProfile } from '../lib/queries.ts';

export default function Settings() {
  const { data: profile } = useProfile();
  return (
    <Page title="Settings">
      <div className="settings stack">
        <ProfilePanel />
        <LimitsPanel />
        <KeysPanel />
        <ThemePanel />
        <NotifyPanel />
        {profile?.has_password !== false && (
          <>
            <PasswordPanel />
            <SecondFactorPanel />
          </>
        )}
        <SessionsPanel />
        <TokensPanel />
      </div>
    </Page>
  );
}
