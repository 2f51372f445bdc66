import { identifierField } from './entry-writer.ts'

/** The identifier of a sidecar: pod shop-1 of the workload default/shop, Envoy 1.40.0. */
export const SHOP_SIDECAR = identifierField({
  id: 'sidecar~10.1.2.3~shop-1.default~default.svc.cluster.local',
  cluster: 'shop.default',
  metadata: { NAMESPACE: 'default', WORKLOAD_NAME: 'shop', NAME: 'shop-1' },
  envoy: [1, 40, 0],
})
