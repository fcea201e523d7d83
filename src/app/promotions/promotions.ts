import type { ScreenContext } from '../../core/screen/screen-context.ts';
import type { ListPromotionsRequest } from '../../gen/app/v1/promotion.ts';
import type { Upstreams } from '../upstreams.ts';

/** The offers of today. They are the same for all, so the screen does not know the caller. */
export async function listPromotions(_request: ListPromotionsRequest, _context: ScreenContext, { promotions }: Upstreams) {
  return promotions.listPromotions({});
}
