"""Products, variants, inventory, locations."""

from __future__ import annotations

GOODS = """
type Product implements Node & LegacyInteroperability {
  id: ID!
  legacyResourceId: UnsignedInt64!
  title: String!
  handle: String!
  status: ProductStatus!
  vendor: String!
  productType: String!
  tags: [String!]!
  description(truncateAt: Int): String!
  descriptionHtml: HTML!
  createdAt: DateTime!
  updatedAt: DateTime!
  publishedAt: DateTime
  isGiftCard: Boolean!
  hasOnlyDefaultVariant: Boolean!
  totalInventory: Int!
  tracksInventory: Boolean!
  priceRangeV2: ProductPriceRangeV2!
  options(first: Int): [ProductOption!]!
  variants(@page, sortKey: ProductVariantSortKeys = POSITION): ProductVariantConnection!
  variantsCount: Count
}
connection Product
enum ProductStatus { ACTIVE ARCHIVED DRAFT UNLISTED }
enum ProductSortKeys {
  CREATED_AT ID INVENTORY_TOTAL PRODUCT_TYPE PUBLISHED_AT RELEVANCE TITLE UPDATED_AT VENDOR
}
type ProductPriceRangeV2 { maxVariantPrice: MoneyV2! minVariantPrice: MoneyV2! }
type ProductOption implements Node { id: ID! name: String! position: Int! values: [String!]! }

type ProductVariant implements Node & LegacyInteroperability {
  id: ID!
  legacyResourceId: UnsignedInt64!
  title: String!
  displayName: String!
  sku: String
  barcode: String
  price: Money!
  compareAtPrice: Money
  position: Int!
  inventoryQuantity: Int
  inventoryPolicy: ProductVariantInventoryPolicy!
  inventoryItem: InventoryItem!
  selectedOptions: [SelectedOption!]!
  taxable: Boolean!
  availableForSale: Boolean!
  createdAt: DateTime!
  updatedAt: DateTime!
  product: Product!
}
connection ProductVariant
enum ProductVariantInventoryPolicy { CONTINUE DENY }
enum ProductVariantSortKeys {
  FULL_TITLE ID INVENTORY_LEVELS_AVAILABLE INVENTORY_MANAGEMENT INVENTORY_POLICY INVENTORY_QUANTITY NAME POPULAR
  POSITION RELEVANCE SKU TITLE
}
type SelectedOption { name: String! value: String! }

type InventoryItem implements Node & LegacyInteroperability {
  id: ID!
  legacyResourceId: UnsignedInt64!
  sku: String
  tracked: Boolean!
  requiresShipping: Boolean!
  unitCost: MoneyV2
  countryCodeOfOrigin: CountryCode
  harmonizedSystemCode: String
  duplicateSkuCount: Int!
  createdAt: DateTime!
  updatedAt: DateTime!
  locationsCount: Count
  variant: ProductVariant! @deprecated(reason: "Use `variants` instead.")
  variants(after: String, before: String, first: Int, last: Int): ProductVariantConnection
  inventoryLevel(locationId: ID!, includeInactive: Boolean = false): InventoryLevel
  inventoryLevels(@page, query: String, includeInactive: Boolean = false): InventoryLevelConnection!
}
connection InventoryItem
type InventoryLevel implements Node {
  id: ID!
  location: Location!
  item: InventoryItem!
  isActive: Boolean!
  createdAt: DateTime!
  updatedAt: DateTime!
  quantities(names: [String!]!): [InventoryQuantity!]!
}
connection InventoryLevel
type InventoryQuantity implements Node { id: ID! name: String! quantity: Int! updatedAt: DateTime }

type Location implements Node & LegacyInteroperability {
  id: ID!
  legacyResourceId: UnsignedInt64!
  name: String!
  isActive: Boolean!
  isFulfillmentService: Boolean!
  fulfillsOnlineOrders: Boolean!
  shipsInventory: Boolean!
  hasActiveInventory: Boolean!
  deactivatedAt: String
  address: LocationAddress!
  createdAt: DateTime!
  updatedAt: DateTime!
}
connection Location
enum LocationSortKeys { ID NAME RELEVANCE }
type LocationAddress {
  address1: String
  city: String
  country: String
  countryCode: String
  province: String
  zip: String
  formatted: [String!]!
}
"""
