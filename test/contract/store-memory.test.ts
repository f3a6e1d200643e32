import { openMemoryStore } from '../../src/adapters/store/memory.ts'
import { storeContract } from './store-contract.ts'

storeContract({
  name: 'memory',
  isDurable: false,
  place: async () => ({ open: async (options) => openMemoryStore(options) }),
})
