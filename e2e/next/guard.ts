// Runs before everything under its matcher, public/ included: proxy.ts of Next 16, middleware.ts of 14 and 15.
import { NextResponse, type NextRequest } from 'next/server';

export default function guard(request: NextRequest) {
  if (request.cookies.get('session')?.value === 'open') return NextResponse.next();
  return new NextResponse('Who are you?', { status: 401 });
}

export const config = { matcher: ['/private/:path*', '/members.jpg'] };
