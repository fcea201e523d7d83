import type { Clock } from '../core/kit/clock.ts';
import type { PromotionServiceImplementation } from '../gen/promotions/v1/promotion.ts';
import type { Authorise } from './authorise-caller.ts';

const dayMs = 86_400_000;

type Offer = { readonly id: string; readonly en: readonly [title: string, text: string]; readonly de: readonly [title: string, text: string] };

const offers: readonly Offer[] = [
  {
    id: 'rainy-day',
    en: ['Rainy-day rate', 'While it rains, every parcel under two kilos travels across the whole city for a flat three euros.'],
    de: ['Regentarif', 'Solange es regnet, fährt jedes Päckchen unter zwei Kilo für glatte drei Euro durch die ganze Stadt.'],
  },
  {
    id: 'evening',
    en: ['Evening window', 'Choose a delivery between 19:00 and 22:00 at no extra cost when you order before noon today.'],
    de: ['Abendfenster', 'Wer heute vor zwölf bestellt, wählt die Zustellung zwischen 19 und 22 Uhr ohne Aufpreis.'],
  },
  {
    id: 'bring-a-friend',
    en: ['Bring a friend', 'You and a friend of yours each get five hundred points when their first parcel has arrived.'],
    de: ['Freunde werben', 'Du und dein Freund bekommt je fünfhundert Punkte, sobald das erste Päckchen angekommen ist.'],
  },
  {
    id: 'return-trip',
    en: ['Return trip', 'Hand our courier your returns with any delivery: the way back is half the price this week.'],
    de: ['Rückfahrt', 'Gib unserem Kurier deine Rücksendung gleich mit: der Rückweg kostet diese Woche die Hälfte.'],
  },
  {
    id: 'green-mile',
    en: ['The green mile', 'For every tenth parcel by bicycle we plant a tree along the Elster; see yours on the map.'],
    de: ['Die grüne Meile', 'Für jedes zehnte Päckchen per Rad pflanzen wir einen Baum an der Elster; sieh ihn auf der Karte.'],
  },
];

/** The offers of today, in the language of the client. They are the same for all, and rotate by one each day. */
export function promotions(authorise: Authorise, clock: Clock): PromotionServiceImplementation {
  return {
    listPromotions: async (_request, context) => {
      await authorise(context);
      const language = context.metadata.get('accept-language')?.startsWith('de') === true ? 'de' : 'en';
      const day = Math.floor(clock.nowMs() / dayMs);
      const today = offers.map((_, i) => offers[(i + day) % offers.length] as Offer);
      return {
        promotions: today.map(({ id, [language]: [title, text] }) => ({ promotionId: id, title, text, endsAt: new Date((day + 1) * dayMs) })),
      };
    },
  };
}
