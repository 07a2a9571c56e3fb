"""Roots, shop, application, bulk operations, webhooks, and what all types share."""

from __future__ import annotations

ROOTS = """
schema { query: QueryRoot mutation: Mutation }

scalar UnsignedInt64
scalar Decimal
scalar Money
scalar DateTime
scalar URL
scalar HTML

type QueryRoot {
  orders(@page, query: String, savedSearchId: ID, sortKey: OrderSortKeys = PROCESSED_AT): OrderConnection!
  ordersCount(limit: Int = 10000, query: String, savedSearchId: ID): Count
  order(id: ID!): Order
  refund(id: ID!): Refund
  fulfillment(id: ID!): Fulfillment
  products(@page, query: String, savedSearchId: ID, sortKey: ProductSortKeys = ID): ProductConnection!
  productsCount(limit: Int = 10000, query: String, savedSearchId: ID): Count
  product(id: ID!): Product
  productVariants(
    @page, query: String, savedSearchId: ID, sortKey: ProductVariantSortKeys = ID
  ): ProductVariantConnection!
  productVariantsCount(limit: Int = 10000, query: String): Count
  productVariant(id: ID!): ProductVariant
  customers(@page, query: String, sortKey: CustomerSortKeys = ID): CustomerConnection!
  customersCount(limit: Int = 10000, query: String): Count
  customer(id: ID!): Customer
  inventoryItems(@page, query: String): InventoryItemConnection!
  inventoryItem(id: ID!): InventoryItem
  inventoryLevel(id: ID!): InventoryLevel
  locations(
    @page, query: String, includeInactive: Boolean = false, includeLegacy: Boolean = false,
    sortKey: LocationSortKeys = NAME
  ): LocationConnection!
  locationsCount(limit: Int = 10000, query: String): Count
  location(id: ID): Location
  shop: Shop!
  shopifyPaymentsAccount: ShopifyPaymentsAccount
  currentAppInstallation: AppInstallation!
  bulkOperation(id: ID!): BulkOperation
  bulkOperations(@page, query: String, sortKey: BulkOperationsSortKeys = CREATED_AT): BulkOperationConnection!
  currentBulkOperation(type: BulkOperationType = QUERY): BulkOperation
    @deprecated(reason: "Use `bulkOperations` with status filter instead.")
  publicApiVersions: [ApiVersion!]!
  webhookSubscriptions(
    @page, query: String, callbackUrl: URL, format: WebhookSubscriptionFormat, topics: [WebhookSubscriptionTopic!],
    uri: String, sortKey: WebhookSubscriptionSortKeys = CREATED_AT
  ): WebhookSubscriptionConnection!
  node(id: ID!): Node
  nodes(ids: [ID!]!): [Node]!
}

type Mutation {
  bulkOperationRunQuery(query: String!, groupObjects: Boolean! = false): BulkOperationRunQueryPayload
  bulkOperationCancel(id: ID!): BulkOperationCancelPayload
  webhookSubscriptionCreate(
    topic: WebhookSubscriptionTopic!, webhookSubscription: WebhookSubscriptionInput!
  ): WebhookSubscriptionCreatePayload
  webhookSubscriptionDelete(id: ID!): WebhookSubscriptionDeletePayload
  appUninstall: AppUninstallPayload
}

interface Node { id: ID! }
interface LegacyInteroperability { legacyResourceId: UnsignedInt64! }
interface DisplayableError { field: [String!] message: String! }

type PageInfo { endCursor: String hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String }
type Count { count: Int! precision: CountPrecision! }
enum CountPrecision { AT_LEAST EXACT }
type MoneyV2 { amount: Decimal! currencyCode: CurrencyCode! }
type MoneyBag { presentmentMoney: MoneyV2! shopMoney: MoneyV2! }
enum CurrencyCode { USD EUR GBP CAD AUD JPY SEK PLN BHD }
enum CountryCode { US GB CA AU DE FR ES IT PL SE UA JP TW HK KR AE SA BH }
type UserError implements DisplayableError { field: [String!] message: String! }

type Shop implements Node {
  id: ID!
  name: String!
  email: String!
  contactEmail: String!
  myshopifyDomain: String!
  primaryDomain: Domain!
  url: URL!
  currencyCode: CurrencyCode!
  enabledPresentmentCurrencies: [CurrencyCode!]!
  ianaTimezone: String!
  timezoneAbbreviation: String!
  timezoneOffset: String!
  timezoneOffsetMinutes: Int!
  taxesIncluded: Boolean!
  shopOwnerName: String!
  orderNumberFormatPrefix: String!
  orderNumberFormatSuffix: String!
  plan: ShopPlan!
  createdAt: DateTime!
  updatedAt: DateTime!
}
type Domain implements Node { id: ID! host: String! sslEnabled: Boolean! url: URL! }
type ShopPlan {
  displayName: String! @deprecated(reason: "Use `publicDisplayName` instead.")
  partnerDevelopment: Boolean!
  publicDisplayName: String!
  shopifyPlus: Boolean!
}
type AppInstallation implements Node { id: ID! accessScopes: [AccessScope!]! app: App! }
type AccessScope { description: String! handle: String! }
type App implements Node {
  id: ID!
  apiKey: String!
  handle: String
  title: String!
  embedded: Boolean!
  webhookApiVersion: String!
}
type AppUninstallPayload { app: App userErrors: [AppUninstallAppUninstallError!]! }
type AppUninstallAppUninstallError implements DisplayableError {
  code: AppUninstallAppUninstallErrorCode
  field: [String!]
  message: String!
}
enum AppUninstallAppUninstallErrorCode {
  APP_NOT_FOUND
  APP_NOT_INSTALLED
  APP_UNINSTALL_ERROR
  USER_PERMISSIONS_INSUFFICIENT
}
type ApiVersion { displayName: String! handle: String! supported: Boolean! }

type BulkOperation implements Node {
  id: ID!
  status: BulkOperationStatus!
  type: BulkOperationType!
  errorCode: BulkOperationErrorCode
  createdAt: DateTime!
  completedAt: DateTime
  objectCount: UnsignedInt64!
  rootObjectCount: UnsignedInt64!
  fileSize: UnsignedInt64
  url: URL
  partialDataUrl: URL
  query: String!
}
connection BulkOperation
enum BulkOperationStatus { CANCELED CANCELING COMPLETED CREATED EXPIRED FAILED RUNNING }
enum BulkOperationType { MUTATION QUERY }
enum BulkOperationErrorCode { ACCESS_DENIED INTERNAL_SERVER_ERROR TIMEOUT }
enum BulkOperationsSortKeys { COMPLETED_AT CREATED_AT }
type BulkOperationRunQueryPayload { bulkOperation: BulkOperation userErrors: [BulkOperationUserError!]! }
type BulkOperationUserError implements DisplayableError {
  code: BulkOperationUserErrorCode
  field: [String!]
  message: String!
}
enum BulkOperationUserErrorCode { INVALID LIMIT_REACHED OPERATION_IN_PROGRESS }
type BulkOperationCancelPayload { bulkOperation: BulkOperation userErrors: [UserError!]! }

type WebhookSubscription implements Node & LegacyInteroperability {
  id: ID!
  legacyResourceId: UnsignedInt64!
  topic: WebhookSubscriptionTopic!
  uri: String!
  callbackUrl: URL! @deprecated(reason: "Use `uri` instead.")
  format: WebhookSubscriptionFormat!
  includeFields: [String!]!
  filter: String
  name: String
  apiVersion: ApiVersion!
  createdAt: DateTime!
  updatedAt: DateTime!
}
connection WebhookSubscription
input WebhookSubscriptionInput {
  callbackUrl: URL
  filter: String
  format: WebhookSubscriptionFormat
  includeFields: [String!]
  name: String
  uri: String
}
type WebhookSubscriptionCreatePayload { userErrors: [UserError!]! webhookSubscription: WebhookSubscription }
type WebhookSubscriptionDeletePayload { deletedWebhookSubscriptionId: ID userErrors: [UserError!]! }
enum WebhookSubscriptionFormat { JSON XML }
enum WebhookSubscriptionSortKeys { CREATED_AT ID }
enum WebhookSubscriptionTopic {
  APP_UNINSTALLED APP_SCOPES_UPDATE BULK_OPERATIONS_FINISH
  ORDERS_CREATE ORDERS_UPDATED ORDERS_PAID ORDERS_CANCELLED ORDERS_EDITED ORDERS_FULFILLED
  ORDERS_PARTIALLY_FULFILLED ORDERS_DELETE ORDER_TRANSACTIONS_CREATE REFUNDS_CREATE
  FULFILLMENTS_CREATE FULFILLMENTS_UPDATE
  PRODUCTS_CREATE PRODUCTS_UPDATE PRODUCTS_DELETE
  INVENTORY_ITEMS_UPDATE INVENTORY_LEVELS_UPDATE
  CUSTOMERS_CREATE CUSTOMERS_UPDATE CUSTOMERS_DELETE
}
"""
