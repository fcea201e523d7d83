import type { ScreenContext } from '../../core/screen/context.ts';
import type { ListPromotionsRequest } from '../../gen/app/v1/promotion.ts';
import type { Upstreams } from '../upstreams.ts';

/** The offers of today: the same for all, so the screen is told nothing of who asks. */
export async function listPromotions(_request: ListPromotionsRequest, _context: ScreenContext, { promotions }: Upstreams) {
  return promotions.listPromotions({});
}
